/**
 * @file The key of an editor: comes in the address's fragment or from the settings, lives as long as the tab.
 */

/** @typedef {import("./types.js").Scope} Scope */

const STORED = "kadr.key";

/** Who is using the page, and what they may do. */
export class Session extends EventTarget {
  /** @type {string | null} */
  key = null;
  /** @type {readonly Scope[]} */
  scopes = [];
  /** Settles when it is known what the key allows; never rejects. */
  ready = Promise.resolve();

  /** @param {Scope} scope */
  can(scope) {
    return this.scopes.includes(scope);
  }

  /**
   * Takes the key out of the address, before anybody can copy it from there, or the one that this tab has.
   * @returns {string | null} a key that is to be tried, because the one before it is known to work
   */
  load() {
    const given = new URLSearchParams(location.hash.slice(1)).get("key");
    if (given !== null) history.replaceState(history.state, "", location.pathname + location.search);
    if (given && this.scopes.length > 0) return given;
    // Kept before it is known whether it is valid: the address has lost it, and whoever goes on at once would have, too.
    if (given) store(given);
    this.key = given || this.key || stored();
    return null;
  }

  /**
   * Asks the API what the key allows, unless that is known.
   * @param {(key: string) => Promise<{scopes: Scope[]}>} ask
   */
  check(ask) {
    const { key } = this;
    this.ready = key === null || this.scopes.length > 0 ? Promise.resolve() : this.signIn(key, ask).then(() => undefined, () => undefined);
    return this.ready;
  }

  /**
   * Uses a key, if the API takes it.
   * @param {string} key
   * @param {(key: string) => Promise<{scopes: Scope[]}>} ask
   * @throws what `ask` throws; if it was refused, it is forgotten, and the one before it is not
   */
  async signIn(key, ask) {
    try {
      const { scopes } = await ask(key);
      this.key = key;
      this.scopes = scopes;
      store(key);
      this.dispatchEvent(new Event("change"));
    } catch (error) {
      if (/** @type {{status?: number}} */ (error).status === 401 && key === this.key) this.signOut();
      throw error;
    }
  }

  signOut() {
    this.key = null;
    this.scopes = [];
    store(null);
    this.dispatchEvent(new Event("change"));
  }
}

/** @returns {string | null} */
function stored() {
  try {
    return sessionStorage.getItem(STORED);
  } catch {
    return null; // storage is switched off
  }
}

/** @param {string | null} key */
function store(key) {
  try {
    if (key === null) sessionStorage.removeItem(STORED);
    else sessionStorage.setItem(STORED, key);
  } catch {
    // Storage is switched off: the key lasts until the page is reloaded.
  }
}
