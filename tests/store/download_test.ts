import { assert, assertEquals, assertRejects } from "@std/assert";
import { basename, dirname, join } from "node:path";
import {
  Download,
  downloadDirectory,
  type DownloadFile,
  numberedName,
  type PartOffer,
  shortName,
} from "../../lib/store/mod.ts";
import { assertFails } from "../support/assert.ts";
import { diskTest, SmallDisk } from "../support/disk.ts";
import { test } from "../support/test.ts";

const OFFER: PartOffer = { root: "ab".repeat(32), from: "cd".repeat(32), size: 100 };

function file(path: string, size?: number): DownloadFile {
  return { path: path.split("/"), size };
}

const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

/** A download folder. */
class Folder implements Disposable {
  readonly path: string = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "lanchat-download-" }));

  write(name: string, text: string): void {
    Deno.writeTextFileSync(`${this.path}/${name}`, text);
  }

  read(name: string): string {
    return Deno.readTextFileSync(`${this.path}/${name}`);
  }

  /** The names in it, in order. */
  names(): string[] {
    return [...Deno.readDirSync(this.path)].map(({ name }) => name).sort();
  }

  /** Starts a download of files whose content is their path. */
  async start(name: string, paths: readonly string[], offer: PartOffer = OFFER): Promise<Download> {
    const download = await Download.create(this.path, name, offer);
    await download.lay(paths.map((path) => file(path, path.length)));
    for (const [i, path] of paths.entries()) await download.writeAt(i, 0, bytes(path));
    return download;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** The mode bits of a path. */
function mode(path: string): string {
  return (Deno.lstatSync(path).mode! & 0o7777).toString(8);
}

test("Download keeps files under way in NAME.part, and moves them out when they are complete", async () => {
  using folder = new Folder();
  const paths = ["album/a.txt", "album/more/b.txt", "note.txt"];
  const download = await folder.start("album", paths);
  assertEquals(folder.names(), ["album.part"]);
  assertEquals(download.path, `${folder.path}/album.part`);
  assertEquals(await download.finish(), [`${folder.path}/album`, `${folder.path}/note.txt`]);
  assertEquals(folder.names(), ["album", "note.txt"]);
  for (const path of paths) assertEquals(folder.read(path), path);
});

test("Download writes parts in any order and several at once, and reads back what is there", async () => {
  using folder = new Folder();
  const download = await Download.create(folder.path, "x", OFFER);
  await download.lay([file("x", 1_000), file("empty", 0)]);
  const into = new Uint8Array(10);
  assertEquals(await download.readAt(0, 0, into), 0);
  await Promise.all([
    download.writeAt(0, 990, bytes("9876543210")),
    download.writeAt(0, 5, bytes("abc")),
  ]);
  assertEquals([await download.readAt(0, 0, into), into], [10, bytes("\0\0\0\0\0abc\0\0")]);
  assertEquals(await download.readAt(0, 995, into), 5);
  assertEquals(into.slice(0, 5), bytes("43210"));
  await download.finish();
  assertEquals(folder.read("x").length, 1_000);
  assertEquals(folder.read("empty"), "");
});

test("Download writes at 5 GiB without filling what lies before", async () => {
  using folder = new Folder();
  const size = 5 * 2 ** 30;
  const download = await Download.create(folder.path, "sparse", OFFER);
  await download.lay([file("sparse", size)]);
  await download.writeAt(0, size - 3, bytes("end"));
  await download.finish();
  const { blocks, size: actual } = Deno.statSync(`${folder.path}/sparse`);
  assertEquals(actual, size);
  if (blocks !== null) assert(blocks * 512 < 2 ** 20, `${blocks} blocks`);
});

const OCCUPIED = [
  { what: "files", name: "note.txt", path: "note.txt", next: "note (2).txt" },
  { what: "folders", name: "album", path: "album/a", next: "album (2)" },
];

for (const { name, next, path, what } of OCCUPIED) {
  test(`Download moves ${what} to the first free name, never over a file, a folder or a link`, async () => {
    const occupiers: readonly ((at: string) => void)[] = [
      (at) => Deno.writeTextFileSync(at, "mine"),
      (at) => Deno.mkdirSync(at),
      (at) => Deno.symlinkSync("/nowhere", at),
      (at) => Deno.symlinkSync(dirname(at), at),
    ];
    for (const occupy of occupiers) {
      using folder = new Folder();
      occupy(`${folder.path}/${name}`);
      const before = Deno.lstatSync(`${folder.path}/${name}`);
      const download = await folder.start(name, [path]);
      assertEquals(await download.finish(), [`${folder.path}/${next}`]);
      const after = Deno.lstatSync(`${folder.path}/${name}`);
      assertEquals([after.ino, after.size, after.mtime], [before.ino, before.size, before.mtime]);
      assertEquals(folder.names(), [name, next].sort());
      const again = await folder.start(name, [path]);
      assertEquals((await again.finish())[0], `${folder.path}/${next.replace("2", "3")}`);
    }
  });

  test(`Downloads of ${what} that finish at once get different names`, async () => {
    using folder = new Folder();
    const downloads = await Promise.all(
      Array.from({ length: 8 }, () => folder.start(name, [path])),
    );
    assertEquals(new Set(downloads.map(({ path }) => path)).size, 8);
    const finished = await Promise.all(downloads.map((download) => download.finish()));
    assertEquals(new Set(finished.flat()).size, 8);
    assertEquals(folder.names().length, 8);
    for (const [target] of finished) {
      const inner = path.slice(name.length);
      assertEquals(Deno.readTextFileSync(target! + inner), path);
    }
  });
}

/** Replaces a function of the runtime until the end of a scope. */
function replaced<Name extends "link" | "mkdir" | "rename">(
  name: Name,
  by: (original: typeof Deno[Name]) => typeof Deno[Name],
): Disposable {
  const original = Deno[name];
  Deno[name] = by(original);
  return { [Symbol.dispose]: () => void (Deno[name] = original) };
}

test("Download moves a file on a disk without hard links, and not over another", async () => {
  using folder = new Folder();
  folder.write("note.txt", "mine");
  using _ = replaced("link", () => () => Promise.reject(new Error("Operation not permitted")));
  const download = await folder.start("note.txt", ["note.txt"]);
  assertEquals(await download.finish(), [`${folder.path}/note (2).txt`]);
  assertEquals([folder.read("note.txt"), folder.read("note (2).txt")], ["mine", "note.txt"]);
});

test("Download leaves no empty file where a disk without hard links cannot rename", async () => {
  using folder = new Folder();
  const download = await folder.start("a", ["a"]);
  using _ = replaced("link", () => (source) => {
    Deno.renameSync(`${source}`, `${folder.path}/hidden`);
    return Promise.reject(new Error("Operation not permitted"));
  });
  await assertFails(download.finish(), "download-gone");
  assertEquals(folder.names(), ["a.part", "hidden"]);
  await download.close();
});

test("Download moves a folder elsewhere if another program puts a file into its new place", async () => {
  if (Deno.build.os === "windows") return;
  using folder = new Folder();
  const download = await folder.start("album", ["album/a"]);
  using _ = replaced("mkdir", (mkdir) => async (path, options) => {
    await mkdir(path, options);
    if (path === `${folder.path}/album`) folder.write("album/theirs", "theirs");
  });
  assertEquals(await download.finish(), [`${folder.path}/album (2)`]);
  assertEquals([folder.read("album/theirs"), folder.read("album (2)/a")], ["theirs", "album/a"]);
});

test("Download.create makes plain files and folders, in a folder that only this user enters", async () => {
  if (Deno.build.os === "windows") return;
  using folder = new Folder();
  const download = await Download.create(`${folder.path}/new/folder`, "x", OFFER);
  await download.lay([file("a/b", 1), file("c", 1)]);
  await download.writeAt(0, 0, bytes("x"));
  await download.writeAt(1, 0, bytes("x"));
  assertEquals(mode(download.path), "700");
  await download.finish();
  // As of any other program: nothing is executable but folders.
  const plain = (all: number) => (all & ~Deno.umask()).toString(8);
  for (const name of ["new", "new/folder", "new/folder/a"]) {
    assertEquals(mode(`${folder.path}/${name}`), plain(0o777));
  }
  for (const name of ["new/folder/a/b", "new/folder/c"]) {
    assertEquals(mode(`${folder.path}/${name}`), plain(0o666));
  }
});

test("Download.create takes another name if NAME.part is there, also as a link", async () => {
  using folder = new Folder();
  using outside = new Folder();
  Deno.symlinkSync(outside.path, `${folder.path}/x.part`);
  const download = await folder.start("x", ["x"]);
  assertEquals(basename(download.path), "x (2).part");
  await download.finish();
  assertEquals([folder.names(), outside.names()], [["x", "x.part"], []]);
});

test("Download.create shortens a long name", async () => {
  using folder = new Folder();
  const name = `${"n".repeat(251)}.txt`;
  const download = await folder.start(name, [name]);
  assertEquals(basename(download.path), `${"n".repeat(246)}.txt.part`);
  const other = await folder.start(name, [name]);
  assertEquals(await download.finish(), [`${folder.path}/${name}`]);
  assertEquals(await other.finish(), [`${folder.path}/${"n".repeat(241)} (2).txt`]);
});

test("Download refuses names that lead elsewhere", async () => {
  using folder = new Folder();
  for (const name of ["", ".", "..", "a/b", "a\\b", "a\0b"]) {
    await assertRejects(() => Download.create(folder.path, name, OFFER), TypeError);
    const download = await Download.create(folder.path, "x", OFFER);
    await assertRejects(() => download.lay([{ path: ["a", name], size: 1 }]), TypeError);
    await download.discard();
  }
  assertEquals(folder.names(), []);
});

test("Download.find finds what an earlier run left, and finishes it", async () => {
  using folder = new Folder();
  const first = await folder.start("x", ["x/a", "x/b"]);
  assertEquals(await Download.find(folder.path, OFFER), undefined, "a run uses it");
  await first.close();
  const second = await Download.find(folder.path, OFFER);
  assertEquals(second?.path, first.path);
  await second!.lay([file("x/a", 3), file("x/b", 2), file("x/c", 1)]);
  const into = new Uint8Array(3);
  assertEquals([await second!.readAt(1, 0, into), into], [3, bytes("x/b")]);
  await second!.writeAt(2, 0, bytes("c"));
  assertEquals(await second!.finish(), [`${folder.path}/x`]);
  assertEquals(["x/a", "x/b", "x/c"].map((name) => folder.read(name)), ["x/a", "x/", "c"]);
});

test("Download.find finds no other offer, and none whose root is unknown", async () => {
  using folder = new Folder();
  const unknown = { ...OFFER, root: "" };
  for (const offer of [OFFER, unknown]) await (await folder.start("x", ["x"], offer)).close();
  const others = [
    unknown,
    { ...OFFER, root: "ef".repeat(32) },
    { ...OFFER, from: "ef".repeat(32) },
    { ...OFFER, size: 1 },
  ];
  for (const offer of others) assertEquals(await Download.find(folder.path, offer), undefined);
  const found = await Download.find(folder.path, OFFER);
  assert(found !== undefined);
  await found.close();
});

test("Download.find makes no download folder", async () => {
  using folder = new Folder();
  assertEquals(await Download.find(`${folder.path}/new`, OFFER), undefined);
  assertEquals(folder.names(), []);
});

test("Download.find gives the folder to one of several runs, also while it is made", async () => {
  using folder = new Folder();
  const [made, ...found] = await Promise.all([
    Download.create(folder.path, "x", OFFER),
    ...Array.from({ length: 5 }, () => Download.find(folder.path, OFFER)),
  ]);
  assertEquals(found.filter((download) => download !== undefined), []);
  await made.close();
  const again = await Promise.all(
    Array.from({ length: 5 }, () => Download.find(folder.path, OFFER)),
  );
  assertEquals(again.filter((download) => download !== undefined).length, 1);
  await Promise.all(again.map((download) => download?.close()));
});

test("Download.find waits for no lock that this run has, and once for one of another run", async () => {
  using folder = new Folder();
  const download = await folder.start("x", ["x"]);
  const lock = `${download.path}/lock`;
  const { lock: original } = Deno.FsFile.prototype;
  const waits: Promise<void>[] = [];
  Deno.FsFile.prototype.lock = function (exclusive) {
    const wait = original.call(this, exclusive);
    waits.push(wait);
    return wait;
  };
  try {
    assertEquals(await Download.find(folder.path, OFFER), undefined);
    assertEquals(waits.length, 0);
    await download.close();
    // What another run does.
    using other = await Deno.open(lock, { write: true });
    other.lockSync(true);
    for (let i = 0; i < 3; i++) assertEquals(await Download.find(folder.path, OFFER), undefined);
    assertEquals(waits.length, 1);
  } finally {
    Deno.FsFile.prototype.lock = original;
  }
  // The wait goes on until the lock is free.
  await Promise.allSettled(waits);
});

test("Download.find takes no folder for a part that someone has sent", async () => {
  using folder = new Folder();
  const names = ["x.part", `${"y".repeat(250)}.part`];
  for (const name of names) {
    const offer = bytes(JSON.stringify(OFFER));
    const download = await Download.create(folder.path, "x", { ...OFFER, root: "ef" });
    await download.lay([{ path: [name, "offer.json"], size: offer.length }]);
    await download.writeAt(0, 0, offer);
    await download.finish();
  }
  assertEquals(await Download.find(folder.path, OFFER), undefined);
  assertEquals(folder.names(), ["x.part_", `${"y".repeat(249)}.part_`]);
});

test("Download does without locks where a disk has none", async () => {
  using folder = new Folder();
  const { lock } = Deno.FsFile.prototype;
  Deno.FsFile.prototype.lock = () => Promise.reject(new Error("No locks available"));
  try {
    await (await folder.start("x", ["x"])).close();
    const found = (await Download.find(folder.path, OFFER))!;
    await found.lay([file("x", 1)]);
    assertEquals(await found.finish(), [`${folder.path}/x`]);
  } finally {
    Deno.FsFile.prototype.lock = lock;
  }
});

const DISTRUSTED = [
  { what: "others can write to", spoil: (part: string) => Deno.chmodSync(part, 0o777) },
  { what: "the group can write to", spoil: (part: string) => Deno.chmodSync(part, 0o720) },
  {
    what: "is a link",
    spoil: (part: string) => {
      Deno.renameSync(part, `${part}.moved`);
      Deno.symlinkSync(`${part}.moved`, part);
    },
  },
  { what: "has no offer", spoil: (part: string) => Deno.removeSync(`${part}/offer.json`) },
  {
    what: "has a broken offer",
    spoil: (part: string) => Deno.writeTextFileSync(`${part}/offer.json`, "{"),
  },
  {
    what: "has a long offer",
    spoil: (part: string) =>
      Deno.writeTextFileSync(`${part}/offer.json`, " ".repeat(5_000), { append: true }),
  },
  ...Deno.build.os === "linux" && Deno.uid() === 0
    ? [{
      what: "belongs to another user",
      spoil: (part: string) => Deno.chownSync(part, 1234, 1234),
    }]
    : [],
];

for (const { spoil, what } of DISTRUSTED) {
  test(`Download.find leaves a folder that ${what}`, async () => {
    if (Deno.build.os === "windows") return;
    using folder = new Folder();
    const download = await folder.start("x", ["x"]);
    await download.close();
    spoil(download.path);
    assertEquals(await Download.find(folder.path, OFFER), undefined);
  });
}

test("Download follows no link in the place of a file or a folder that an earlier run made", async () => {
  using folder = new Folder();
  using outside = new Folder();
  outside.write("a", "secret");
  const download = await folder.start("x", ["x/a"]);
  await download.close();
  const inside = `${download.path}/files/x`;
  Deno.removeSync(`${inside}/a`);
  Deno.symlinkSync(`${outside.path}/a`, `${inside}/a`);
  const found = (await Download.find(folder.path, OFFER))!;
  await found.lay([file("x/a", 3)]);
  await assertFails(found.readAt(0, 0, new Uint8Array(3)), "download-unwritable", "is not a file");
  await assertFails(found.writeAt(0, 0, bytes("abc")), "download-unwritable", "is not a file");
  Deno.removeSync(inside, { recursive: true });
  Deno.symlinkSync(outside.path, inside);
  await assertFails(found.lay([file("x/a", 3)]), "download-unwritable", "is not a folder");
  assertEquals(outside.read("a"), "secret");
  await found.discard();
  assertEquals([outside.names(), folder.names()], [["a"], []]);
});

test("Download gives up when its folder is gone, or another one is in its place", async () => {
  using folder = new Folder();
  using outside = new Folder();
  const replacements: readonly ((part: string) => void)[] = [
    () => {},
    (part) => Deno.mkdirSync(`${part}/files`, { recursive: true }),
    (part) => Deno.symlinkSync(outside.path, part),
  ];
  Deno.mkdirSync(`${outside.path}/files`);
  for (const [i, replace] of replacements.entries()) {
    const download = await folder.start(`x${i}`, ["a"]);
    await download.lay([file("a", 1), file("b", 1)]);
    Deno.renameSync(download.path, `${folder.path}/moved${i}`);
    replace(download.path);
    await assertFails(download.writeAt(1, 0, bytes("b")), "download-gone", download.path);
    await assertFails(download.finish(), "download-gone");
    await assertFails(download.lay([file("c", 1)]), "download-gone");
    // A file that is open still takes bytes, but not without end.
    const much = new Uint8Array(9 << 20);
    await assertFails(async () => {
      await download.writeAt(0, 0, much);
      await download.writeAt(0, 0, much);
    }, "download-gone");
    await download.discard();
  }
  assertEquals([...Deno.readDirSync(`${outside.path}/files`)], []);
  assertEquals(folder.names().filter((name) => name.startsWith("moved")).length, 3);
});

test("Download.finish can be called again after it failed, and moves nothing twice", async () => {
  using folder = new Folder();
  const stuck = await folder.start("x", ["one", "two/a", "three"]);
  const isStuck = (path: string | URL) => path === `${folder.path}/two`;
  {
    const denied = () => Promise.reject(new Error("Permission denied"));
    using _ = replaced("mkdir", (mkdir) => (path, o) => isStuck(path) ? denied() : mkdir(path, o));
    await assertFails(stuck.finish(), "download-unwritable", "Permission denied");
  }
  {
    const denied = () => Promise.reject(new Error("Permission denied"));
    using _ = replaced(
      "rename",
      (rename) => (from, to) => isStuck(to) ? denied() : rename(from, to),
    );
    await assertFails(stuck.finish(), "download-unwritable", "Permission denied");
  }
  const done = ["one", "two", "three"].map((name) => `${folder.path}/${name}`);
  assertEquals(await stuck.finish(), done);
  assertEquals(folder.names(), ["one", "three", "two"]);
});

test("Download.finish can be called again after a file could not be completed", async () => {
  using folder = new Folder();
  const download = await folder.start("x", ["a", "b", "c"]);
  const missing = `${download.path}/files/b`;
  const hidden = `${folder.path}/hidden`;
  // A folder in its place cannot be completed.
  Deno.renameSync(missing, hidden);
  await download.close();
  const found = (await Download.find(folder.path, OFFER))!;
  await found.lay(["a", "b", "c"].map((name) => file(name, 1)));
  Deno.mkdirSync(missing);
  await assertFails(found.finish(), "download-unwritable");
  Deno.removeSync(missing);
  Deno.renameSync(hidden, missing);
  assertEquals(await found.finish(), ["a", "b", "c"].map((name) => `${folder.path}/${name}`));
  assertEquals(folder.names(), ["a", "b", "c"]);
});

diskTest("Download on a full disk keeps what it has, and goes on when there is room", async () => {
  using disk = new SmallDisk();
  const filler = `${disk.path}/filler`;
  const download = await Download.create(disk.path, "x", OFFER);
  await download.lay([file("x", 8_192)]);
  Deno.writeTextFileSync(filler, "");
  const page = new Uint8Array(4_096).fill(7);
  await download.writeAt(0, 0, page);
  const { hint } = await assertFails(
    download.writeAt(0, 4_096, page),
    "disk-full",
    "the disk is full",
  );
  assert(hint.includes("is kept"), hint);
  const into = new Uint8Array(4_096);
  assertEquals([await download.readAt(0, 0, into), into], [4_096, page]);
  await assertFails(Download.create(disk.path, "y", OFFER), "disk-full");
  assertEquals([...Deno.readDirSync(disk.path)].map(({ name }) => name).sort(), [
    "filler",
    "x.part",
  ]);
  await download.close();
  new Deno.Command("mount", { args: ["-o", "remount,size=64k", disk.path] }).outputSync();
  const found = (await Download.find(disk.path, OFFER))!;
  await found.lay([file("x", 8_192)]);
  assertEquals([await found.readAt(0, 0, into), into], [4_096, page]);
  await found.writeAt(0, 4_096, page);
  assertEquals(await found.finish(), [`${disk.path}/x`]);
  assertEquals(Deno.statSync(`${disk.path}/x`).size, 8_192);
});

test("Download cannot save in a file", async () => {
  using folder = new Folder();
  folder.write("file", "");
  await assertFails(Download.create(`${folder.path}/file`, "x", OFFER), "download-unwritable");
});

test("Download reads and writes nothing after close", async () => {
  using folder = new Folder();
  const download = await folder.start("x", ["x"]);
  await download.close();
  await assertFails(download.writeAt(0, 0, bytes("y")), "download-unwritable", "closed");
  assertEquals(Deno.readTextFileSync(`${download.path}/files/x`), "x");
});

for (const name of ["read", "write"] as const) {
  Deno.test({
    name: `Download names the permission to ${name} that is missing`,
    permissions: { read: true, write: true, [name]: false },
    fn: async () => {
      for (const attempt of [Download.create("d", "x", OFFER), Download.find("d", OFFER)]) {
        const error = await assertFails(attempt, "permission-denied");
        assertEquals(error.message, `Cannot save files in "d": --allow-${name} is missing`);
        assertEquals(error.hint, `Allow it: deno run --allow-${name}="d" …`);
      }
    },
  });
}

const ONLY = Deno.makeTempDirSync({ prefix: "lanchat-download-" });

Deno.test({
  name: "Download needs the permissions of its folder only",
  permissions: { read: [ONLY], write: [ONLY] },
  fn: async () => {
    const folder = `${ONLY}/new`;
    const first = await Download.create(folder, "album", OFFER);
    await first.close();
    const download = (await Download.find(folder, OFFER))!;
    await download.lay([file("album/a", 1), file("b", 0)]);
    await download.writeAt(0, 0, bytes("a"));
    assertEquals(await download.finish(), [
      `${download.directory}/album`,
      `${download.directory}/b`,
    ]);
    Deno.removeSync(ONLY, { recursive: true });
  },
});

test("downloadDirectory is in Downloads if those exist, else in the current folder", async () => {
  using home = new Folder();
  const linux = {
    os: "linux",
    env: (name: string) => name === "HOME" ? home.path : undefined,
  } as const;
  const roaming = `${home.path}/AppData/Roaming`;
  Deno.mkdirSync(roaming, { recursive: true });
  const windows = {
    os: "windows",
    env: (name: string) => name === "APPDATA" ? roaming : undefined,
  } as const;
  const all = () => Promise.all([linux, windows].map((platform) => downloadDirectory(platform)));
  const here = join(Deno.cwd(), "lanchat");
  assertEquals(await all(), [here, here]);
  Deno.writeTextFileSync(`${home.path}/Downloads`, "");
  assertEquals(await all(), [here, here]);
  Deno.removeSync(`${home.path}/Downloads`);
  Deno.mkdirSync(`${home.path}/Downloads`);
  const inDownloads = join(home.path, "Downloads", "lanchat");
  assertEquals(await all(), [inDownloads, inDownloads]);
  assertEquals(await downloadDirectory({ os: "linux", env: () => undefined }), here);
});

const NUMBERED = [
  ["a.txt", 2, "a (2).txt"],
  ["archive.tar.gz", 12, "archive.tar (12).gz"],
  ["README", 2, "README (2)"],
  [".a", 2, ".a (2)"],
  [`a.${"b".repeat(40)}`, 2, `a.${"b".repeat(40)} (2)`],
] as const;

for (const [name, number, numbered] of NUMBERED) {
  test(`numberedName makes ${numbered} of ${name}`, () =>
    assertEquals(numberedName(name, number), numbered));
}

test("shortName keeps whole characters, and a name that fits", () => {
  assertEquals(shortName("é".repeat(32), 64), "é".repeat(32));
  assertEquals(shortName("é".repeat(33), 65), "é".repeat(32));
  assertEquals(shortName(`${"a".repeat(62)}e\u0330`, 64), "a".repeat(62));
  assertEquals(shortName(`${"a".repeat(62)} .bbbb`, 64), `${"a".repeat(59)}.bbbb`);
  assertEquals(shortName(`${"a".repeat(59)}. . . .${"b".repeat(40)}`, 64), "a".repeat(59));
});
