/**
 * @file What completes a query while it is typed: asked for after a short rest, cancelled when typing goes on, remembered.
 */

/** @typedef {{text: string, source: import("./types.js").Suggestion["source"] | "recent"}} Offer */

const REST = 80; // milliseconds without a key after which the API is asked: between two keys of quick typing
const KEPT = 60; // answers
const FRESH = 60_000; // milliseconds for which an answer is taken for the API's
const MOST = 8;

/** Asks for suggestions; only the answer to the last question is ever told. */
export class Suggestions {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #asked = new AbortController();
  /** @type {Map<string, {offers: Offer[], at: number}>} */
  #known = new Map();

  /**
   * @param {(q: string, signal: AbortSignal) => Promise<Offer[]>} fetch
   * @param {(offers: Offer[]) => void} onOffers
   */
  constructor(fetch, onOffers) {
    this.fetch = fetch;
    this.onOffers = onOffers;
  }

  /**
   * Asks what completes a text; for none, what is popular.
   * @param {string} text
   * @param {string[]} recent the last queries
   */
  ask(text, recent) {
    this.cancel();
    const q = text.trim();
    const known = this.#known.get(q);
    if (known && performance.now() - known.at < FRESH) {
      this.onOffers(merge(known.offers, recent, q));
      return;
    }
    // What is known without asking is there at once.
    const own = merge([], recent, q);
    if (own.length > 0) this.onOffers(own);
    const asked = this.#asked;
    this.#timer = setTimeout(async () => {
      try {
        const found = await this.fetch(q, asked.signal);
        if (asked.signal.aborted) return;
        this.#keep(q, found);
        this.onOffers(merge(found, recent, q));
      } catch {
        if (!asked.signal.aborted) this.onOffers(own); // no suggestions are no error to whoever is typing
      }
    }, REST);
  }

  /** Gives up what is being asked. */
  cancel() {
    clearTimeout(this.#timer);
    this.#asked.abort();
    this.#asked = new AbortController();
  }

  /** @param {string} q @param {Offer[]} offers */
  #keep(q, offers) {
    this.#known.delete(q);
    if (offers.length === 0) return; // there may be some as soon as something has been indexed
    this.#known.set(q, { offers, at: performance.now() });
    const [oldest] = this.#known.keys();
    if (this.#known.size > KEPT && oldest !== undefined) this.#known.delete(oldest);
  }
}

/**
 * Puts the last queries that begin with what was typed before the suggestions, none twice.
 * @param {readonly Offer[]} found
 * @param {readonly string[]} recent
 * @param {string} q
 * @returns {Offer[]}
 */
export function merge(found, recent, q) {
  const begun = q.toLowerCase();
  const own = recent.filter((text) => text.toLowerCase().startsWith(begun) && text.toLowerCase() !== begun).slice(0, q ? 3 : MOST);
  const taken = new Set(own.map((text) => text.toLowerCase()));
  /** @type {Offer[]} */
  const offers = own.map((text) => ({ text, source: "recent" }));
  return [...offers, ...found.filter(({ text }) => !taken.has(text.toLowerCase()))].slice(0, MOST);
}

/**
 * Cuts a suggestion into what was typed already and what it adds.
 * @param {string} text
 * @param {string} typed
 * @returns {{text: string, typed: boolean}[]}
 */
export function completion(text, typed) {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  return text
    .split(/(\s+)/)
    .flatMap((piece) => {
      const word = words.find((each) => piece.toLowerCase().startsWith(each));
      // Lower case of some letters has another length; then the word is left whole.
      if (word === undefined || piece.toLowerCase().length !== piece.length) return [{ text: piece, typed: false }];
      return [
        { text: piece.slice(0, word.length), typed: true },
        { text: piece.slice(word.length), typed: false },
      ];
    })
    .filter(({ text: piece }) => piece !== "");
}
