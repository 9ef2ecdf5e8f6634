/**
 * @file People as an editor sees them: names, two who are one, faces that are somebody else's.
 */

import { inWords, isAbort } from "../api.js";
import { append, fill, h } from "../dom.js";
import { clock, titleOf } from "../i18n.js";
import { icon } from "../icons.js";
import { furtherPages } from "../paging.js";
import { portrait } from "../portrait.js";
import { address } from "../router.js";
import { openSheet } from "../sheet.js";
import { failure, nothing } from "../states.js";
import { nameField } from "./names.js";

/** @typedef {import("../types.js").Context} Context */
/** @typedef {import("../types.js").Person} Person */
/** @typedef {import("../types.js").PeopleAnswer} PeopleAnswer */
/** @typedef {import("../types.js").PersonAnswer} PersonAnswer */

const PAGE = 60;
const tab = { view: "editor", tab: "people" };

/** @type {import("../views/editor.js").Section} */
export async function editPeople(body, params, context) {
  const { t } = context;
  const id = params.get("id");
  try {
    if (id === null) await everybody(body, context);
    else await onePerson(body, id, context);
  } catch (error) {
    if (!isAbort(error)) fill(body, failure(error, t, () => (fill(body), void editPeople(body, params, context))));
  }
}

/**
 * @param {HTMLElement} body
 * @param {Context} context
 */
async function everybody(body, context) {
  const { api, t, signal, navigate } = context;
  /** @type {Map<Person, HTMLElement>} */
  const selected = new Map();
  const list = h("ul", { class: "people people-edit" });
  const foot = h("div", { class: "results-foot" });
  const bar = selectionBar(list);
  const drawBar = () =>
    bar.draw(selected.size > 1 && t("people.selected", { n: selected.size }), [
      h("button", { type: "button", class: "button primary small", on: { click: () => mergeSheet([...selected.keys()], context, { merged, done: () => navigate(address(tab), { replace: true }) }) } }, t("people.merge")),
    ]);
  const merged = (/** @type {Person} */ person) => {
    selected.get(person)?.remove();
    selected.delete(person);
    drawBar();
  };
  const card = (/** @type {Person} */ person) => {
    const name = person.name ?? t("person.unnamed");
    const box = h("input", { type: "checkbox", class: "pick", "aria-label": t("people.select", { name }) });
    box.addEventListener("change", () => {
      if (box.checked) selected.set(person, element);
      else selected.delete(person);
      drawBar();
    });
    const element = h(
      "li",
      { class: "person-card is-edited", data: { person: person.person_id } },
      h("a", { href: address({ ...tab, id: person.person_id }), "aria-label": t("people.open", { name }) }, portrait(person.portrait_url)),
      box,
      nameField(
        {
          name: person.name ?? "",
          label: t("name.label", { name }),
          placeholder: t("name.placeholder"),
          save: async (given) => {
            person.name = (await api.renamePerson(person.person_id, given)).name;
          },
        },
        context,
      ),
      h("span", { class: "hint" }, t("count.videos", { n: person.videos })),
    );
    return element;
  };
  const add = (/** @type {PeopleAnswer} */ answer) => {
    append(list, answer.people.map(card));
    return answer.next_offset;
  };
  const answer = await api.people({ limit: PAGE }, { signal });
  if (answer.people.length === 0) {
    fill(body, nothing({ title: t("people.none"), text: t("people.none.text"), mark: "people" }));
    return;
  }
  fill(body, h("p", { class: "hint" }, t("people.merge.hint")), list, foot, bar.element);
  furtherPages(foot, add(answer), async (offset) => add(await api.people({ limit: PAGE, offset }, { signal })), context);
}

/**
 * Asks which of several people stays, and makes the others part of that one.
 * @param {Person[]} people
 * @param {Context} context
 * @param {{merged: (person: Person) => void, done: () => void}} tell `merged`: about each that is part of another one now
 */
function mergeSheet(people, { api, t, signal, toast }, { merged, done }) {
  // The one that somebody named, or that most is known of.
  const [first] = [...people].sort((a, b) => Number(b.name !== null) - Number(a.name !== null) || b.videos - a.videos);
  let into = first;
  const wrong = h("p", { class: "field-error", role: "alert" });
  const button = h("button", { type: "button", class: "button primary" }, t("people.merge"));
  button.addEventListener("click", async () => {
    if (into === undefined) return;
    const kept = into; // whatever is chosen while they are being merged
    button.disabled = true;
    wrong.textContent = "";
    try {
      for (const [other, choice] of [...choices]) {
        if (other === kept) continue;
        await api.mergePerson(other.person_id, kept.person_id);
        // If the next one fails, this one is not merged again.
        choice.remove();
        choices.delete(other);
        merged(other);
      }
      sheet.close();
      if (signal.aborted) return;
      toast(t("people.merged", { name: kept.name ?? t("person.unnamed") }));
      done();
    } catch (error) {
      into = kept; // another one that was chosen may be part of it by now
      const picked = choices.get(kept)?.querySelector("input");
      if (picked) picked.checked = true;
      wrong.textContent = inWords(error, t);
      button.disabled = false;
      if (!wrong.isConnected) toast(inWords(error, t), { kind: "error" });
    }
  });
  const choices = new Map(
    people.map((person) => [
      person,
      h(
        "label",
        { class: "merge-choice" },
        h("input", { type: "radio", name: "into", checked: person === into, on: { change: () => (into = person) } }),
        portrait(person.portrait_url, "portrait-small"),
        h("span", null, person.name ?? t("person.unnamed")),
        h("span", { class: "hint" }, t("count.videos", { n: person.videos })),
      ),
    ]),
  );
  const sheet = openSheet({
    title: t("people.merge.title"),
    closeLabel: t("action.close"),
    body: h(
      "div",
      { class: "stack" },
      h("p", null, t("people.merge.text")),
      h(
        "fieldset",
        { class: "stack-s" },
        h("legend", { class: "label" }, t("people.merge.keep")),
        [...choices.values()],
      ),
      wrong,
      h("div", { class: "cluster end" }, button),
    ),
  });
}

/**
 * One person and all their faces.
 * @param {HTMLElement} body
 * @param {string} id
 * @param {Context} context
 */
async function onePerson(body, id, context) {
  const { api, t, signal, navigate, toast } = context;
  /** @type {Map<string, HTMLElement>} */
  const selected = new Map();
  const list = h("ul", { class: "faces", "aria-label": t("faces.title") });
  const foot = h("div", { class: "results-foot" });
  const bar = selectionBar(list);
  const answer = await api.person(id, { limit: PAGE }, { signal });
  const { person } = answer;
  const name = person.name ?? t("person.unnamed");

  const act = async (/** @type {() => Promise<void>} */ action) => {
    bar.busy(true);
    try {
      await action();
    } catch (error) {
      if (!isAbort(error)) toast(inWords(error, t), { kind: "error" });
    }
    bar.busy(false);
    drawBar();
  };
  const split = () =>
    act(async () => {
      const made = await api.splitPerson(id, [...selected.keys()]);
      if (signal.aborted) return;
      toast(t("faces.split.done"));
      navigate(address({ ...tab, id: made.person_id }));
    });
  const reject = () =>
    act(async () => {
      const n = selected.size;
      for (const [face, item] of [...selected]) {
        await api.rejectFace(id, face);
        // If the next one fails, this one is not rejected again.
        item.remove();
        selected.delete(face);
      }
      if (signal.aborted) return;
      toast(t("faces.rejected", { n }));
      navigate(address({ ...tab, id }), { replace: true });
    });
  const drawBar = () =>
    bar.draw(selected.size > 0 && t("faces.selected", { n: selected.size }), [
      h("button", { type: "button", class: "button small", on: { click: () => void reject() } }, icon("close"), t("faces.reject")),
      h("button", { type: "button", class: "button primary small", on: { click: () => void split() } }, icon("person"), t("faces.split")),
    ]);
  const add = (/** @type {PersonAnswer} */ page) => {
    append(
      list,
      page.appearances.map(({ face_id: face, portrait_url: url, key, start }) => {
        const label = t("faces.select", { title: titleOf(key), time: clock(start) });
        const box = h("input", { type: "checkbox", class: "pick", "aria-label": label });
        box.addEventListener("change", () => {
          if (box.checked) selected.set(face, item);
          else selected.delete(face);
          drawBar();
        });
        const item = h("li", null, h("label", { class: "face", data: { face } }, portrait(url), box, h("span", { class: "face-name", "aria-hidden": "true" }, titleOf(key)), h("span", { class: "hint", "aria-hidden": "true" }, clock(start))));
        return item;
      }),
    );
    return page.next_offset;
  };
  fill(
    body,
    h(
      "div",
      { class: "person-head" },
      portrait(person.portrait_url, "portrait-large"),
      h(
        "div",
        { class: "stack-s person-edit" },
        h("a", { class: "crumb", href: address(tab) }, icon("back"), t("editor.back")),
        nameField({ name: person.name ?? "", label: t("name.label", { name }), placeholder: t("name.placeholder"), save: (given) => api.renamePerson(id, given) }, context),
        h("div", { class: "cluster" }, h("span", { class: "hint" }, t("count.videos", { n: person.videos })), h("a", { class: "chip", href: address({ person: id }) }, icon("person"), t("people.page"))),
      ),
    ),
    h("section", { class: "stack-s" }, h("h2", null, t("faces.title")), h("p", { class: "hint" }, t("faces.hint")), list, foot),
    bar.element,
  );
  furtherPages(foot, add(answer), async (offset) => add(await api.person(id, { limit: PAGE, offset }, { signal })), context);
}

/**
 * A bar at the lower edge with what can be done to what is selected.
 * @param {HTMLElement} list in which it is selected
 */
function selectionBar(list) {
  const text = h("span", { role: "status" });
  const buttons = h("div", { class: "cluster" });
  const element = h("div", { class: "selection-bar", hidden: true }, text, buttons);
  return {
    element,
    /** @param {string | false} words nothing is selected without @param {Node[]} actions */
    draw(words, actions) {
      element.hidden = words === false;
      text.textContent = words || "";
      fill(buttons, actions);
    },
    /** @param {boolean} is whether something is being done: nothing is selected meanwhile */
    busy(is) {
      list.inert = is;
      for (const button of buttons.querySelectorAll("button")) button.disabled = is;
    },
  };
}
