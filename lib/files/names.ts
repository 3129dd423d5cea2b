/**
 * Names for files that arrive, made from paths that a sender chose: safe on Linux, macOS and Windows at once,
 * because a folder may be shared by them, or copied from one to another.
 *
 * - No component is empty, `.` or `..`, and none has a separator of any system: nothing leaves its folder.
 * - Control characters, those that Windows refuses (`< > : " / \ | ? *`, and so its streams), private and
 *   unassigned ones become `_`; invisible and bidirectional ones are left out; any blank becomes a space.
 * - No name begins or ends with a blank, or ends with a dot: Windows drops these.
 * - A name of a device of Windows (`NUL`, `com1.txt`, `CONIN$`, `LPT²`), and one that begins with a dot or a
 *   hyphen, gets `_` before it. So no configuration arrives hidden (`.bashrc`, `.git`), also inside a folder,
 *   and no name looks like an option.
 * - A name has at most 255 bytes of UTF-8 in normal form C, and keeps its extension.
 * - Two paths of one transfer never mean the same file or folder, also where a file system ignores case or
 *   normal form: the second is numbered.
 *
 * @module
 */
import { MAX_FILE_NAME_BYTES, numberedName, shortName, withoutTail } from "../store/mod.ts";

/** The name of a file whose own name has nothing that could be kept. */
const NAMELESS = "file";

/** Characters that stand for themselves in no name. */
const ILLEGAL = /[<>:"/\\|?*\p{Cc}\p{Zl}\p{Zp}\p{Co}\p{Cn}]/gu;

/** Format characters (bidirectional and zero-width among them), and others without a look. */
const INVISIBLE = /[\p{Cf}\p{Default_Ignorable_Code_Point}]/gu;

/** Blanks of any width, and the braille pattern without dots, which looks like one. */
const BLANK = /[\p{Zs}\u2800]/gu;

/**
 * Names of devices of Windows, which no extension makes a file's ("Naming Files, Paths, and Namespaces",
 * Microsoft). It takes superscript digits for digits, and ignores blanks before the first dot.
 */
const DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|clock\$|(?:com|lpt)[0-9¹²³]) *(?:\.|$)/i;

/**
 * Makes a name safe, as the head of this file says.
 *
 * @param name One component of a path, or any text.
 *
 * @example A name that would act on Windows, and one that looks like an image
 * ```ts
 * import { safeName } from "./names.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(safeName("nul.txt"), "_nul.txt");
 * assertEquals(safeName("photo\u202Egnp.exe"), "photognp.exe");
 * ```
 */
export function safeName(name: string): string {
  const visible = name.toWellFormed().normalize("NFC")
    .replaceAll(INVISIBLE, "").replaceAll(ILLEGAL, "_").replaceAll(BLANK, " ")
    // Again: an invisible character may have kept two others apart.
    .normalize("NFC").replace(/^ +/, "");
  const short = shortName(withoutTail(visible) || NAMELESS, MAX_FILE_NAME_BYTES);
  // After the cut, which can leave the name of a device.
  const isPlain = !DEVICE.test(short) && !/^[.-]/.test(short);
  return isPlain ? short : shortName(`_${short}`, MAX_FILE_NAME_BYTES);
}

/** A folder of a transfer. */
class Folder {
  /** Folders in it, by the name that the sender gave. */
  readonly #folders = new Map<string, { readonly name: string; readonly folder: Folder }>();
  /** Names that are taken, as a file system that ignores case and normal form compares them. */
  readonly #taken = new Set<string>();
  /** The next number to try, by the name that is numbered. */
  readonly #next = new Map<string, number>();

  /** The folder of a sender's name, and its safe name. */
  enter(given: string): { readonly name: string; readonly folder: Folder } {
    let entry = this.#folders.get(given);
    if (entry === undefined) {
      entry = { name: this.take(given), folder: new Folder() };
      this.#folders.set(given, entry);
    }
    return entry;
  }

  /** A safe name that no other entry has. */
  take(given: string): string {
    const plain = safeName(given);
    let name = plain;
    let key = folded(name);
    if (this.#taken.has(key)) {
      // Counts on from the last number: many files of one name take no longer than others.
      const series = folded(numberedName(plain, 0));
      let number = this.#next.get(series) ?? 2;
      do {
        name = numberedName(plain, number++);
        key = folded(name);
      } while (this.#taken.has(key));
      this.#next.set(series, number);
    }
    this.#taken.add(key);
    return name;
  }
}

/**
 * Makes the paths of a transfer safe and different from each other, as the head of this file says.
 *
 * @param paths Paths with `/` between their components, as the sender gave them.
 * @returns For each path its components, at least one.
 *
 * @example Paths that lead out of the folder, or to one file
 * ```ts
 * import { safePaths } from "./names.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(safePaths(["../../etc/passwd", "a.txt", "A.TXT"]), [
 *   ["etc", "passwd"],
 *   ["a.txt"],
 *   ["A (2).TXT"],
 * ]);
 * ```
 */
export function safePaths(paths: Iterable<string>): string[][] {
  return [...eachSafePath(paths)];
}

/** Makes the paths of {@linkcode safePaths}, one after the other: a hundred thousand take half a second. */
export function* eachSafePath(paths: Iterable<string>): Generator<string[]> {
  const root = new Folder();
  for (const path of paths) {
    const given = path.split("/").filter((name) => !["", ".", ".."].includes(name));
    const file = given.pop() ?? "";
    let folder = root;
    const names = given.map((each) => {
      const entered = folder.enter(each);
      folder = entered.folder;
      return entered.name;
    });
    yield [...names, folder.take(file)];
  }
}

/** A name without what some file systems ignore: case, and the normal form. */
function folded(name: string): string {
  return name.normalize("NFD").toUpperCase().toLowerCase().normalize("NFC");
}
