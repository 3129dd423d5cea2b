/** A line editor as pure functions on its state, with the keys of readline. */
import { graphemesOf } from "./width.ts";

/** Maximum lines of the history. */
export const HISTORY_LINES = 500;

/** Maximum entries of the kill ring. */
const KILLED_TEXTS = 32;

/** Maximum changes that can be undone. */
const UNDONE_CHANGES = 100;

/** A word, with the joiners in it. */
const WORD = /[\p{L}\p{N}_][\p{L}\p{M}\p{N}_\u200c\u200d]*/gu;

/** Text between spaces. */
const UNSPACED = /\S+/g;

/** A line, which line breaks (LF) may divide, and its cursor. */
export interface EditedLine {
  readonly text: string;
  /** Position in UTF-16 code units, always at a grapheme boundary. */
  readonly cursor: number;
}

/** A reverse search of the history. */
export interface HistorySearch {
  /** Text to find, in any case. */
  readonly query: string;
  /** Index of the match in the history; -1 without a match. */
  readonly place: number;
  /** The state when the search began. */
  readonly before: EditorState;
}

/** State of a line editor. */
export interface EditorState extends EditedLine {
  /** Entered lines, newest last. */
  readonly history: readonly string[];
  /** Index of the edited line in the history; the length of the history for the new line. */
  readonly place: number;
  /** The new line while one of the history is edited. */
  readonly draft: string;
  /** Kill ring, newest first. */
  readonly killed: readonly string[];
  /** The line before each change, newest first. */
  readonly undo: readonly EditedLine[];
  /** The last command, where the next key may continue it. */
  readonly last?: "type" | "kill" | { readonly yanked: number; readonly from: EditedLine };
  readonly search?: HistorySearch;
}

/** The initial state. */
export const EMPTY_LINE: EditorState = {
  text: "",
  cursor: 0,
  history: [],
  place: 0,
  draft: "",
  killed: [],
  undo: [],
};

type EditCommand = (state: EditorState) => EditorState;

const goTo = (place: (state: EditorState) => number): EditCommand => (state) => ({
  ...settled(state),
  cursor: place(state),
});

const remove = (place: (state: EditorState) => number): EditCommand => (state) =>
  replaced(state, place(state), state.cursor, "");

const kill = (place: (state: EditorState) => number): EditCommand => (state) => {
  const [start, end] = [state.cursor, place(state)].sort((a, b) => a - b) as [number, number];
  const text = state.text.slice(start, end);
  if (text === "") return state;
  const [before = "", ...others] = state.killed;
  const joined = end === state.cursor ? text + before : before + text;
  const killed = state.last === "kill" ? [joined, ...others] : [text, ...state.killed];
  return {
    ...replaced(state, start, end, ""),
    killed: killed.slice(0, KILLED_TEXTS),
    last: "kill",
  };
};

/** The commands by key. */
const KEYS: Readonly<Record<string, EditCommand>> = {
  "left": goTo(characterLeft),
  "right": goTo(characterRight),
  "home": goTo(() => 0),
  "end": goTo(({ text }) => text.length),
  "ctrl-left": goTo((state) => startBefore(WORD, state)),
  "ctrl-right": goTo(wordEnd),
  "backspace": remove(characterLeft),
  "delete": remove(characterRight),
  "alt-backspace": kill((state) => startBefore(WORD, state)),
  "alt-d": kill(wordEnd),
  "ctrl-w": kill((state) => startBefore(UNSPACED, state)),
  "ctrl-u": kill(() => 0),
  "ctrl-k": kill(({ text }) => text.length),
  "ctrl-y": (state) => yank(state, state, 0),
  "alt-y": (state) =>
    typeof state.last === "object" ? yank(state, state.last.from, state.last.yanked + 1) : state,
  "ctrl-_": undo,
  // An empty line needs no break: it may be the Enter of a terminal that was not raw yet.
  "alt-enter": (state) => state.text === "" ? state : type(state, "\n"),
  "up": (state) => recall(state, state.place - 1),
  "down": (state) => recall(state, state.place + 1),
  "ctrl-r": (state) => ({ ...state, search: { query: "", place: -1, before: state } }),
};

/** Other names of the keys in {@linkcode KEYS}. */
const ALIASES: Readonly<Record<string, string>> = {
  "ctrl-b": "left",
  "ctrl-f": "right",
  "ctrl-a": "home",
  "ctrl-e": "end",
  "alt-b": "ctrl-left",
  "alt-left": "ctrl-left",
  "alt-f": "ctrl-right",
  "alt-right": "ctrl-right",
  "ctrl-h": "backspace",
  "ctrl-d": "delete",
  "ctrl-backspace": "alt-backspace",
  "alt-delete": "alt-d",
  "ctrl-delete": "alt-d",
  "ctrl-p": "up",
  "ctrl-n": "down",
  "ctrl-j": "alt-enter",
};

/** Keys that cancel a search. */
const CANCEL_KEYS: ReadonlySet<string> = new Set(["ctrl-c", "ctrl-g"]);

/**
 * Handles a key with the bindings of readline. An unknown key changes nothing.
 *
 * @param key The name of the key, as in `Keystroke`.
 *
 * @example Delete the first letter of a word
 * ```ts
 * import { EMPTY_LINE, press, type } from "./line_editor.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const { cursor, text } = press(press(type(EMPTY_LINE, "so what"), "alt-b"), "delete");
 * assertEquals([text, cursor], ["so hat", 3]);
 * ```
 */
export function press(state: EditorState, key: string): EditorState {
  if (state.search !== undefined) return pressInSearch(state, state.search, key);
  const command = KEYS[ALIASES[key] ?? key];
  return command === undefined ? state : command(state);
}

/** Inserts text at the cursor, or appends it to the query of a search. @param text Without control characters except LF. */
export function type(state: EditorState, text: string): EditorState {
  const { search } = state;
  if (search !== undefined) {
    return searchFor({ ...state, search: { ...search, query: search.query + text } });
  }
  const { last, undo } = state;
  const typed = replaced(state, state.cursor, state.cursor, text);
  // Consecutive typing is undone as one change.
  return { ...typed, last: "type", ...last === "type" && { undo } };
}

/** Replaces text before the cursor. @param length Length of the replaced text, in UTF-16 code units. */
export function replaceBefore(state: EditorState, length: number, text: string): EditorState {
  return replaced(state, state.cursor - length, state.cursor, text);
}

/** Enters the line and starts a new one. A search without a match enters an empty line. */
export function enter(state: EditorState): [line: string, next: EditorState] {
  const { search } = state;
  if (search?.place === -1) return ["", search.before];
  const { history, killed, text } = state;
  const isNew = text.trim() !== "" && text !== history.at(-1);
  const lines = isNew ? [...history, text].slice(-HISTORY_LINES) : history;
  return [text, { ...EMPTY_LINE, killed, history: lines, place: lines.length }];
}

function pressInSearch(state: EditorState, search: HistorySearch, key: string): EditorState {
  const { before, place, query } = search;
  if (CANCEL_KEYS.has(key)) return before;
  if (key === "ctrl-r") return place === -1 ? state : searchFor(state, place - 1);
  if (key === "backspace" || key === "ctrl-h") {
    const shorter = query.slice(0, characterLeft({ text: query, cursor: query.length }));
    return searchFor({ ...state, search: { before, place: -1, query: shorter } });
  }
  return press(place === -1 ? before : settled(state), key);
}

/** Moves the search to the newest match at or before a place of the history. */
function searchFor(state: EditorState, place: number = state.search!.place): EditorState {
  const { before, place: shown, query } = state.search!;
  const folded = query.toLowerCase();
  const lines = shown === -1 ? state.history : state.history.slice(0, place + 1);
  const found = query === ""
    ? -1
    : lines.findLastIndex((line) => line.toLowerCase().includes(folded));
  // Without an older match, keep the current one.
  if (found === -1 && place < shown) return state;
  if (found === -1) return { ...before, search: { before, place: -1, query } };
  const text = state.history[found]!;
  return {
    ...recall(before, found),
    cursor: snapped(text, text.toLowerCase().indexOf(folded)),
    search: { before, place: found, query },
  };
}

/** The state without pending continuations. */
function settled(state: EditorState): EditorState {
  const { last: _last, search: _search, ...rest } = state;
  return rest;
}

function isDraft({ history, place }: EditorState): boolean {
  return place === history.length;
}

/** Replaces the text between two positions, and puts the cursor after it. */
function replaced(state: EditorState, one: number, other: number, by: string): EditorState {
  const [start, end] = [Math.min(one, other), Math.max(one, other)];
  if (start === end && by === "") return settled(state);
  const text = state.text.slice(0, start) + by + state.text.slice(end);
  const { cursor, text: before } = state;
  return {
    ...settled(state),
    text,
    cursor: snapped(text, start + by.length),
    undo: [{ text: before, cursor }, ...state.undo].slice(0, UNDONE_CHANGES),
  };
}

function undo(state: EditorState): EditorState {
  const [before, ...undo] = state.undo;
  return before === undefined ? state : { ...settled(state), ...before, undo };
}

/** Inserts an entry of the kill ring. @param from The line before the insertion. @param index Which entry. */
function yank(state: EditorState, from: EditedLine, index: number): EditorState {
  const { killed } = state;
  if (killed.length === 0) return state;
  const yanked = index % killed.length;
  const { cursor, text } = from;
  return {
    ...replaced({ ...state, cursor, text }, cursor, cursor, killed[yanked]!),
    last: { yanked, from: { text, cursor } },
  };
}

function recall(state: EditorState, place: number): EditorState {
  const { history } = state;
  if (place < 0 || place > history.length) return state;
  const draft = isDraft(state) ? state.text : state.draft;
  const text = history[place] ?? draft;
  return { ...settled(state), place, draft, text, cursor: text.length, undo: [] };
}

function characterLeft({ cursor, text }: EditedLine): number {
  return cursor === 0 ? 0 : graphemesOf(text).containing(cursor - 1)!.index;
}

function characterRight({ cursor, text }: EditedLine): number {
  return snapped(text, Math.min(cursor + 1, text.length));
}

/** The next grapheme boundary at or after a position. */
function snapped(text: string, place: number): number {
  if (place >= text.length) return text.length;
  const { index, segment } = graphemesOf(text).containing(place)!;
  return index === place ? place : index + segment.length;
}

/** Start of the last piece that starts before the cursor. */
function startBefore(pieces: RegExp, { cursor, text }: EditedLine): number {
  const starts = Array.from(text.matchAll(pieces), ({ index }) => index);
  const start = starts.findLast((start) => start < cursor) ?? 0;
  return graphemesOf(text).containing(start)?.index ?? 0;
}

/** End of the first word that ends after the cursor. */
function wordEnd({ cursor, text }: EditedLine): number {
  const ends = Array.from(text.matchAll(WORD), ({ 0: word, index }) => index + word.length);
  return snapped(text, ends.find((end) => end > cursor) ?? text.length);
}
