/**
 * @file A sheet: a modal dialog, which comes from below on a phone. Escape, the button and a tap beside it close it.
 */

import { h } from "./dom.js";
import { icon } from "./icons.js";

/**
 * Opens a sheet.
 * @param {{title: string, body: Node, closeLabel?: string, className?: string, onClose?: () => void}} options
 */
export function openSheet({ title, body, closeLabel = "", className = "", onClose }) {
  const heading = h("h2", { class: "sheet-title", id: "sheet-title", tabindex: "-1", autofocus: true }, title);
  const close = h("button", { type: "button", class: "icon-button", "aria-label": closeLabel }, icon("close"));
  const dialog = h(
    "dialog",
    { class: ["sheet", className], "aria-labelledby": "sheet-title" },
    h("div", { class: "sheet-inner" }, h("header", { class: "sheet-head" }, heading, close), h("div", { class: "sheet-body" }, body)),
  );
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  // "Back" leaves the sheet with the view that it belongs to.
  const leave = () => dialog.close();
  window.addEventListener("popstate", leave);
  dialog.addEventListener("close", () => {
    dialog.remove();
    window.removeEventListener("popstate", leave);
    onClose?.();
  });
  document.body.append(dialog);
  dialog.showModal();
  return {
    element: dialog,
    close: () => dialog.close(),
    /** @param {string} text @param {string} label */
    rename: (text, label) => {
      heading.textContent = text;
      close.setAttribute("aria-label", label);
    },
  };
}

/**
 * Asks whether something that cannot be undone is meant.
 * @param {{title: string, text: string, yes: string, no: string, danger?: boolean}} question
 * @returns {Promise<boolean>}
 */
export function confirmSheet({ title, text, yes, no, danger = true }) {
  return new Promise((resolve) => {
    let answer = false;
    const cancel = h("button", { type: "button", class: "button", autofocus: true }, no);
    const go = h("button", { type: "button", class: ["button", danger ? "danger" : "primary"] }, yes);
    const sheet = openSheet({
      title,
      closeLabel: no,
      body: h("div", { class: "stack" }, h("p", null, text), h("div", { class: "cluster end" }, cancel, go)),
      className: "sheet-small",
      onClose: () => resolve(answer),
    });
    cancel.addEventListener("click", () => sheet.close());
    go.addEventListener("click", () => {
      answer = true;
      sheet.close();
    });
  });
}
