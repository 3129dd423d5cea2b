/** Lines that are brought back. */
export const HISTORY_LINES = 500;

/** Texts that were cut out and can be put back. */
const KILLED_TEXTS = 32;

/** Changes that can be undone. */
const UNDONE_CHANGES = 100;

/** A word, with the joiners within it. */
const WORD = /[\p{L}\p{N}_][\p{L}\p{M}\p{N}_\u200c\u200d]*/gu;

/** What stands between spaces. */
const UNSPACED = /\S+/g;

const graphemes = new Intl.Segmenter();

/** A line, and where in it is typed. */
export interface EditedLine {
  readonly text: string;
  /** In UTF-16 code units; never within a character as people see it. */
  readonly cursor: number;
}

/** A search of the history for the last line that contains a text. */
export interface Search {
  /** What is searched for. */
  readonly query: string;
  /** Which line of the history is shown; -1 if there is none. */
  readonly place: number;
  /** What there was before. */
  readonly before: EditorState;
}

/** All that a line editor knows. */
export interface EditorState extends EditedLine {
  /** Lines that were entered, the last one last. */
  readonly history: readonly string[];
  /** Which of them is edited; their number for a new line. */
  readonly place: number;
  /** The new line while another one is edited. */
  readonly draft: string;
  /** What was cut out, the last text first. */
  readonly killed: readonly string[];
  /** How the line was before each change, the last one first. */
  readonly undo: readonly EditedLine[];
  /** What the last key did, where the next one goes on with that. */
  readonly last?: "type" | "kill" | { readonly yanked: number; readonly from: EditedLine };
  readonly search?: Search;
}

/** A line to begin with. */
export const EMPTY_LINE: EditorState = {
  text: "",
  cursor: 0,
  history: [],
  place: 0,
  draft: "",
  killed: [],
  undo: [],
};

type Command = (state: EditorState) => EditorState;

const goTo = (place: (state: EditorState) => number): Command => (state) => ({
  ...settled(state),
  cursor: place(state),
});

const remove = (place: (state: EditorState) => number): Command => (state) =>
  replaced(state, place(state), state.cursor, "");

const kill = (place: (state: EditorState) => number): Command => (state) => {
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

const COMMANDS: Readonly<Record<string, Command>> = {
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
  "up": (state) => recall(state, state.place - 1),
  "down": (state) => recall(state, state.place + 1),
  "ctrl-r": (state) => ({ ...state, search: { query: "", place: -1, before: state } }),
};

/** Other keys for the same. */
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
};

/** The keys that end a search with the line as it was before. */
const GIVE_UP: ReadonlySet<string> = new Set(["ctrl-c", "ctrl-g"]);

/**
 * The line after a key, as `readline` has them; one that does nothing here changes nothing.
 *
 * @param key Its name, as in a `Keystroke`.
 *
 * @example A word back, and without its first letter
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
  const command = COMMANDS[ALIASES[key] ?? key];
  return command === undefined ? state : command(state);
}

/** The line after a text was typed or pasted. @param text Without controls. */
export function type(state: EditorState, text: string): EditorState {
  const { search } = state;
  if (search !== undefined) {
    return searchFor({ ...state, search: { ...search, query: search.query + text } });
  }
  const { last, undo } = state;
  const typed = replaced(state, state.cursor, state.cursor, text);
  // A word is undone as one.
  return { ...typed, last: "type", ...last === "type" && { undo } };
}

/** The line after some characters before the cursor gave way to others. @param length How many, in UTF-16 code units. */
export function replaceBefore(state: EditorState, length: number, text: string): EditorState {
  return replaced(state, state.cursor - length, state.cursor, text);
}

/** The line that was entered, and a new one. A search that has found nothing enters what is empty. */
export function enter(state: EditorState): [line: string, next: EditorState] {
  const { search } = state;
  if (search?.place === -1) return ["", search.before];
  const { history, killed, text } = state;
  const isNew = text.trim() !== "" && text !== history.at(-1);
  const lines = isNew ? [...history, text].slice(-HISTORY_LINES) : history;
  return [text, { ...EMPTY_LINE, killed, history: lines, place: lines.length }];
}

function pressInSearch(state: EditorState, search: Search, key: string): EditorState {
  const { before, place, query } = search;
  if (GIVE_UP.has(key)) return before;
  if (key === "ctrl-r") return place === -1 ? state : searchFor(state, place - 1);
  if (key === "backspace" || key === "ctrl-h") {
    const shorter = query.slice(0, characterLeft({ text: query, cursor: query.length }));
    return searchFor({ ...state, search: { before, place: -1, query: shorter } });
  }
  return press(place === -1 ? before : settled(state), key);
}

/** Finds the last line up to a place that contains what is searched for; shows it, or what was before. */
function searchFor(state: EditorState, place: number = state.search!.place): EditorState {
  const { before, place: shown, query } = state.search!;
  const folded = query.toLowerCase();
  const lines = shown === -1 ? state.history : state.history.slice(0, place + 1);
  const found = query === ""
    ? -1
    : lines.findLastIndex((line) => line.toLowerCase().includes(folded));
  // Without an older one the one that is shown stays.
  if (found === -1 && place < shown) return state;
  if (found === -1) return { ...before, search: { before, place: -1, query } };
  const text = state.history[found]!;
  return {
    ...recall(before, found),
    cursor: snapped(text, text.toLowerCase().indexOf(folded)),
    search: { before, place: found, query },
  };
}

/** Without what only goes on with the key before. */
function settled(state: EditorState): EditorState {
  const { last: _last, search: _search, ...rest } = state;
  return rest;
}

function isDraft({ history, place }: EditorState): boolean {
  return place === history.length;
}

/** Replaces what is between two places, and goes behind it. */
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

/** Puts back what was cut out. @param from The line before that. @param index The how last text. */
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
  return cursor === 0 ? 0 : graphemes.segment(text).containing(cursor - 1)!.index;
}

function characterRight({ cursor, text }: EditedLine): number {
  return snapped(text, Math.min(cursor + 1, text.length));
}

/** Where a character ends that a place is within. */
function snapped(text: string, place: number): number {
  if (place >= text.length) return text.length;
  const { index, segment } = graphemes.segment(text).containing(place)!;
  return index === place ? place : index + segment.length;
}

/** Where the last piece begins that begins before the cursor. */
function startBefore(pieces: RegExp, { cursor, text }: EditedLine): number {
  const starts = Array.from(text.matchAll(pieces), ({ index }) => index);
  const start = starts.findLast((start) => start < cursor) ?? 0;
  return graphemes.segment(text).containing(start)?.index ?? 0;
}

/** Where the first word ends that ends behind the cursor. */
function wordEnd({ cursor, text }: EditedLine): number {
  const ends = Array.from(text.matchAll(WORD), ({ 0: word, index }) => index + word.length);
  return snapped(text, ends.find((end) => end > cursor) ?? text.length);
}
