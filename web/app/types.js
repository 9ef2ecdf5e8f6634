/**
 * @file What the modules pass to one another, and what the API answers. Types only: nothing of this is in a browser.
 */

/**
 * @typedef {"ru" | "en"} Language
 * @typedef {(key: string, values?: Record<string, string | number>) => string} Translate
 *
 * What a view gets beside its element and its parameters.
 * @typedef {object} Context
 * @property {import("./api.js").Api} api
 * @property {(to: string, options?: {replace?: boolean}) => void} navigate goes to `/?…`
 * @property {Translate} t a text in the language of the page
 * @property {Language} language
 * @property {AbortSignal} signal aborted when the view is left; pass it to every request and listener
 * @property {import("./session.js").Session} session who may do what
 * @property {(title: string) => void} title names the page: the window's title, and what a screen reader says
 * @property {(message: string) => void} announce says something to a screen reader, and shows nothing
 * @property {(message: string, options?: ToastOptions) => void} toast shows a message for some seconds
 * @property {Record<string, unknown>} memory kept with this entry of the history, until the page is reloaded: what a
 *   view puts here is there again after "back"
 * @property {boolean} restored whether this is an entry that was left before ("back", "forward")
 *
 * @typedef {object} ToastOptions
 * @property {string} [action] what the button says
 * @property {() => void} [onAction]
 * @property {"info" | "error"} [kind]
 *
 * Draws a view into `root`. Resolves when the first content is there: then the page is scrolled to where it was.
 * @callback Render
 * @param {HTMLElement} root empty, and the view's own
 * @param {URLSearchParams} params of the address
 * @param {Context} context
 * @returns {Promise<void | (() => void)>} what cleans up
 */

/**
 * @typedef {"visual" | "ocr" | "speech"} Modality
 * @typedef {"layout" | "case" | "transliteration" | "splitting" | "spelling" | "translation"} QueryStep
 * @typedef {"ingest" | "visual" | "ocr" | "speech" | "faces" | "assemble"} Stage
 * @typedef {"queued" | "running" | "retrying" | "done" | "empty" | "unavailable" | "failed" | "dead"} StageState
 * @typedef {"indexing" | "searchable" | "failed" | "empty"} VideoState
 *
 * @typedef {{step: QueryStep, before: string, after: string}} Step
 *
 * @typedef {object} Query
 * @property {string} original
 * @property {string} corrected
 * @property {string} translated
 * @property {string} language
 * @property {string[]} phrases
 * @property {string[]} excluded
 * @property {{text: string, weight: number}[]} words
 * @property {Step[]} steps
 *
 * Offsets and lengths count Unicode code points, not UTF-16 units.
 * @typedef {{offset: number, length: number, start: number | null, end: number | null}} Highlight
 *
 * @typedef {object} Evidence
 * @property {Modality | "faces"} modality
 * @property {string} text plain text, whatever is in it
 * @property {string} translation
 * @property {number} start seconds
 * @property {number} end seconds
 * @property {number} score 0…1
 * @property {Highlight[]} highlights
 * @property {Highlight[]} translation_highlights
 *
 * @typedef {{person_id: string, name: string | null}} PersonName
 * @typedef {{theme_id: string, name: string}} ThemeName
 *
 * @typedef {object} Card a video in a grid
 * @property {string} video_id
 * @property {string} key
 * @property {number | null} duration
 * @property {string | null} thumbnail_url
 * @property {string} video_url
 *
 * @typedef {object} ResultOnly
 * @property {number} rank
 * @property {number} score
 * @property {string} bucket
 * @property {Evidence[]} evidence
 * @property {{time: number, score: number} | null} frame
 * @property {Record<string, number>} shares
 * @property {Record<string, number>} contributions
 * @property {number} matched
 * @property {number | null} confidence
 * @property {number} duplicates
 * @property {PersonName[]} [people]
 * @property {ThemeName | null} [theme]
 *
 * @typedef {Card & ResultOnly} Result
 *
 * @typedef {object} SearchAnswer
 * @property {Query} query
 * @property {Result[]} results
 * @property {number} total
 * @property {number | null} next_offset
 * @property {boolean} nothing_good
 * @property {Record<string, number>} took_ms
 *
 * @typedef {object} SimilarAnswer
 * @property {Result[]} results
 * @property {number} total
 * @property {number | null} next_offset
 * @property {Record<string, number>} took_ms
 *
 * @typedef {{text: string, source: "query" | "theme" | "person" | "caption" | "term", group: number}} Suggestion
 * @typedef {{suggestions: Suggestion[], personal: boolean, took_ms: number}} SuggestAnswer
 * @typedef {{text: string, language: string, seconds: number, took_ms: Record<string, number>}} SpeechAnswer
 *
 * @typedef {object} StageAnswer
 * @property {Stage} stage
 * @property {StageState} state
 * @property {string} reason
 * @property {number} attempts
 * @property {string} model_version
 * @property {number | null} duration_ms
 * @property {number | null} cost_usd
 * @property {string | null} updated_at
 * @property {Record<string, unknown>} details
 *
 * @typedef {object} VideoOnly
 * @property {string} bucket
 * @property {number} generation
 * @property {VideoState} state
 * @property {number | null} width
 * @property {number | null} height
 * @property {boolean | null} has_audio
 * @property {number} size bytes
 * @property {string} created_at
 * @property {string} updated_at
 * @property {StageAnswer[]} stages
 *
 * @typedef {Card & VideoOnly} Video
 * @typedef {{videos: Video[], total: number}} VideosAnswer
 *
 * @typedef {object} StatusAnswer
 * @property {Partial<Record<VideoState, number>>} videos
 * @property {Partial<Record<Stage, Partial<Record<StageState, number>>>>} stages
 * @property {{role: string, variant: string, installed: boolean, demo: boolean, detail: string}[]} models
 *
 * @typedef {object} Theme
 * @property {string} theme_id
 * @property {string} name
 * @property {"terms" | "editor"} named_by
 * @property {string[]} terms
 * @property {number} videos
 * @property {string[]} thumbnails
 *
 * @typedef {{themes: Theme[], total: number, next_offset: number | null}} ThemesAnswer
 * @typedef {{theme: Theme, videos: Card[], next_offset: number | null}} ThemeAnswer
 *
 * @typedef {{person_id: string, name: string | null, videos: number, portrait_url: string | null}} Person
 * @typedef {{people: Person[], total: number, next_offset: number | null}} PeopleAnswer
 * @typedef {Card & {face_id: string, portrait_url: string | null, start: number}} Appearance
 * @typedef {{person: Person, appearances: Appearance[], next_offset: number | null}} PersonAnswer
 *
 * @typedef {object} UploadTicket
 * @property {string} video_id
 * @property {string} bucket
 * @property {string} key
 * @property {string} url
 * @property {Record<string, string>} fields
 * @property {number} max_bytes
 * @property {string} expires_at
 *
 * @typedef {{source: string, targets: string[], kind: "term" | "word"}} GlossaryEntry
 * @typedef {{tenant: string, entries: GlossaryEntry[]}} GlossaryAnswer
 * @typedef {{tenant: string, added: number, changed: number, removed: number}} GlossaryChanged
 * @typedef {"upload" | "edit" | "glossary"} Scope
 */

export {};
