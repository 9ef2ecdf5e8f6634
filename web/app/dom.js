/**
 * @file Elements without HTML. Whatever a child's text holds, it is put into a text node; there is no way to have it parsed.
 */

/**
 * @typedef {Node | string | number | null | undefined | false | readonly Child[]} Child
 * @typedef {Record<string, unknown> & {
 *   class?: string | (string | false | null | undefined)[],
 *   on?: {[K in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[K]) => void},
 *   data?: Record<string, string | number>,
 *   style?: Record<string, string | number>,
 * }} Props
 */

const ADDRESSES = new Set(["href", "src", "poster", "action", "formaction", "xlink:href"]);
const PROPERTIES = new Set(["value", "checked", "muted", "selected", "indeterminate"]);
const FORBIDDEN = /^(on|innerhtml$|outerhtml$|srcdoc$)/i;

/**
 * Makes an element.
 *
 * `props` are attributes (`true` is an empty one; `false`, `null` and `undefined` leave it out), and four more names:
 * `class` (a text or a list with gaps), `on` (listeners), `data` (`data-…`), `style` (declarations, set one by one, as the
 * content security policy wants it).
 *
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Props | null} [props]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    set(element, name, value);
  }
  append(element, children);
  return element;
}

/**
 * Puts children into an element, behind those that are there.
 * @param {ParentNode & Node} parent
 * @param {readonly Child[]} children
 */
export function append(parent, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) append(parent, child);
    else if (child instanceof Node) parent.appendChild(child);
    else parent.appendChild(document.createTextNode(String(child)));
  }
}

/**
 * Puts children into an element in the place of those that are there.
 * @param {Element} parent
 * @param {...Child} children
 */
export function fill(parent, ...children) {
  parent.replaceChildren();
  append(parent, children);
}

/**
 * Whether an address may be followed or loaded: of this origin, http(s), or made by the page itself.
 * @param {string} address
 */
export function isSafeAddress(address) {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(address.replace(/[\s\p{Cc}]/gu, ""))?.[1]?.toLowerCase();
  return scheme === undefined || ["http", "https", "blob"].includes(scheme) || /^data:image\//i.test(address);
}

/**
 * @param {HTMLElement} element
 * @param {string} name
 * @param {unknown} value
 */
function set(element, name, value) {
  if (name === "on") {
    for (const [event, listener] of Object.entries(/** @type {Record<string, EventListener>} */ (value))) {
      if (listener) element.addEventListener(event, listener);
    }
  } else if (name === "class") {
    element.className = Array.isArray(value) ? value.filter(Boolean).join(" ") : String(value ?? "");
  } else if (name === "data") {
    for (const [key, text] of Object.entries(/** @type {Record<string, unknown>} */ (value))) element.dataset[key] = String(text);
  } else if (name === "style") {
    for (const [key, text] of Object.entries(/** @type {Record<string, unknown>} */ (value))) {
      element.style.setProperty(key, String(text));
    }
  } else if (FORBIDDEN.test(name)) {
    throw new TypeError(`${name} is not set: listeners go into "on", and text into children`);
  } else if (PROPERTIES.has(name)) {
    Object.assign(element, { [name]: value });
  } else if (value === true) {
    element.setAttribute(name, "");
  } else if (value !== false && value !== null && value !== undefined) {
    const text = String(value);
    if (ADDRESSES.has(name.toLowerCase()) && !isSafeAddress(text)) throw new TypeError(`${name} has an address that is not safe`);
    element.setAttribute(name, text);
  }
}
