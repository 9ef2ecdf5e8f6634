import js from "@eslint/js";
import globals from "globals";

// Text of videos, file names and names that people gave are shown: nothing that takes HTML or code from a string.
const UNSAFE = "builds HTML from a string: use the element builder of app/dom.js, which takes text";
const unsafeProperties = ["innerHTML", "outerHTML", "srcdoc"];
const unsafeMethods = ["insertAdjacentHTML", "setHTMLUnsafe", "createContextualFragment", "parseFromString"];

const unsafe = [
  ...unsafeProperties.flatMap((name) => [
    { selector: `MemberExpression[property.name='${name}']`, message: `${name} ${UNSAFE}.` },
    { selector: `MemberExpression[property.value='${name}']`, message: `${name} ${UNSAFE}.` },
    { selector: `Property[key.name='${name}']`, message: `${name} ${UNSAFE}.` },
  ]),
  ...unsafeMethods.map((name) => ({
    selector: `CallExpression[callee.property.name='${name}']`,
    message: `${name} ${UNSAFE}.`,
  })),
  {
    selector: "CallExpression[callee.object.name='document'][callee.property.name=/^write(ln)?$/]",
    message: `document.write ${UNSAFE}.`,
  },
  {
    selector: "CallExpression[callee.property.name='setAttribute'][arguments.0.value=/^(style|on)/]",
    message: "Inline styles and handlers are forbidden by the content security policy: use classes, CSSOM, listeners.",
  },
];

export default [
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2022, sourceType: "module" },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "array-callback-return": "error",
      "consistent-return": "error",
      eqeqeq: ["error", "always", { null: "ignore" }],
      "no-alert": "error",
      "no-console": "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-restricted-syntax": ["error", ...unsafe],
      "no-script-url": "error",
      "no-self-compare": "error",
      "no-shadow": "error",
      "no-throw-literal": "error",
      "no-unused-expressions": "error",
      "no-unused-vars": ["error", { args: "all", argsIgnorePattern: "^_", caughtErrors: "all" }],
      "no-use-before-define": ["error", { classes: false, functions: false, variables: false }],
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
      "prefer-template": "error",
    },
  },
  { files: ["app/**/*.js"], languageOptions: { globals: globals.browser } },
  { files: ["tests/**/*.js"], languageOptions: { globals: globals.node } },
];
