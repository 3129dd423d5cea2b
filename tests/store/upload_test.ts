import { assert, assertEquals } from "@std/assert";
import { findUpload, type Upload, type UploadLimits } from "../../lib/store/mod.ts";
import { assertFails } from "../support/assert.ts";
import { test } from "../support/test.ts";
import { missing, testUnless } from "../support/tools.ts";

const LIMITS: UploadLimits = { maxFiles: 100, maxPathBytes: 1_024, maxPathDepth: 32 };

/** A folder for files to send. */
class Folder implements Disposable {
  readonly path: string = Deno.makeTempDirSync({ prefix: "lanchat-upload-" });

  write(name: string, text = name): string {
    const file = `${this.path}/${name}`;
    Deno.mkdirSync(file.replace(/[^/]*$/, ""), { recursive: true });
    Deno.writeTextFileSync(file, text);
    return file;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

function pathsOf({ files }: Upload): string[] {
  return files.map(({ path }) => path);
}

async function text(upload: Upload, file: number, offset = 0): Promise<string> {
  const into = new Uint8Array(upload.files[file]!.size - offset);
  await upload.readAt(file, offset, into);
  return new TextDecoder().decode(into);
}

/** Runs an action with the files that are found. */
async function withUpload(
  paths: readonly string[],
  action: (upload: Upload) => void | Promise<void>,
  limits: UploadLimits = LIMITS,
): Promise<void> {
  const upload = await findUpload(paths, limits);
  try {
    await action(upload);
  } finally {
    await upload.close();
  }
}

test("findUpload finds named files, and those in named folders in the order of their names", async () => {
  using folder = new Folder();
  const names = [
    "photos/b.jpg",
    "photos/a/2",
    "photos/a/1",
    "photos/.hidden",
    "photos/empty",
    "note.txt",
  ];
  for (const name of names) folder.write(name, name.includes("empty") ? "" : name);
  await withUpload([`${folder.path}/note.txt`, `${folder.path}/photos/`], async (upload) => {
    const found = [
      "note.txt",
      "photos/.hidden",
      "photos/a/1",
      "photos/a/2",
      "photos/b.jpg",
      "photos/empty",
    ];
    assertEquals(pathsOf(upload), found);
    assertEquals(upload.files.map(({ size }) => size), [8, 14, 10, 10, 12, 0]);
    for (let file = 0; file < 5; file++) assertEquals(await text(upload, file), found[file]);
    assertEquals(await text(upload, 5), "");
    assertEquals(upload.skipped, []);
  });
});

test("findUpload names what two folders call the same, and folders without a name", async () => {
  using folder = new Folder();
  for (const name of ["a/x.txt", "b/x.txt", "c/x.txt/y"]) folder.write(name);
  const paths = ["a/x.txt", "b/x.txt", "c/x.txt", "a/."].map((name) => `${folder.path}/${name}`);
  await withUpload(paths, (upload) => {
    assertEquals(pathsOf(upload), ["x.txt", "x (2).txt", "x (3).txt/y", "a/x.txt"]);
  });
});

test("Upload.readAt reads any part, several at once, and many files with few open", async () => {
  using folder = new Folder();
  for (let i = 0; i < 100; i++) folder.write(`many/${`${i}`.padStart(3, "0")}`, `${i}`.repeat(50));
  await withUpload([`${folder.path}/many`], async (upload) => {
    const reads = Array.from({ length: 300 }, async (_, i) => {
      const [file, offset] = [i * 7 % 100, i % 11];
      assertEquals(await text(upload, file, offset), `${file}`.repeat(50).slice(offset));
    });
    await Promise.all(reads);
    const open = Deno.build.os === "linux" ? openFilesIn(folder.path) : 0;
    assert(open <= 32, `${open} files are open`);
  });
});

function openFilesIn(folder: string): number {
  return [...Deno.readDirSync("/proc/self/fd")].filter(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${name}`).startsWith(folder);
    } catch {
      return false;
    }
  }).length;
}

test("findUpload follows a link that a person named", async () => {
  using folder = new Folder();
  folder.write("real/a");
  Deno.symlinkSync(`${folder.path}/real`, `${folder.path}/linked`);
  Deno.symlinkSync(`${folder.path}/real/a`, `${folder.path}/file`);
  const paths = ["linked", "file"].map((name) => `${folder.path}/${name}`);
  await withUpload(paths, async (upload) => {
    assertEquals(pathsOf(upload), ["linked/a", "file"]);
    assertEquals(await text(upload, 1), "real/a");
  });
});

testUnless(
  missing("mkfifo"),
  "findUpload skips links, pipes and sockets in folders, and names them",
  async () => {
    using folder = new Folder();
    folder.write("f/a");
    folder.write("outside/secret");
    Deno.symlinkSync(`${folder.path}/outside`, `${folder.path}/f/folder`);
    Deno.symlinkSync(`${folder.path}/outside/secret`, `${folder.path}/f/file`);
    Deno.symlinkSync(`${folder.path}/f`, `${folder.path}/f/loop`);
    Deno.symlinkSync("/nowhere", `${folder.path}/f/nowhere`);
    new Deno.Command("mkfifo", { args: [`${folder.path}/f/pipe`] }).outputSync();
    using _listener = Deno.listen({ transport: "unix", path: `${folder.path}/f/socket` });
    await withUpload([`${folder.path}/f`], (upload) => {
      assertEquals(pathsOf(upload), ["f/a"]);
      assertEquals(
        upload.skipped,
        [
          ["file", "it is a link"],
          ["folder", "it is a link"],
          ["loop", "it is a link"],
          ["nowhere", "it is a link"],
          ["pipe", "it is a pipe"],
          ["socket", "it is a socket"],
        ].map(([name, reason]) => ({ path: `${folder.path}/f/${name}`, reason: reason! })),
      );
    });
    const pipe = `${folder.path}/f/pipe`;
    await assertFails(
      findUpload([pipe], LIMITS),
      "file-unreadable",
      "it is not a file or a folder",
    );
  },
);

testUnless(
  missing("sh"),
  "findUpload skips a file whose name is not UTF-8, and one that is gone",
  async () => {
    using folder = new Folder();
    folder.write("f/a");
    const script = 'touch "$(printf "$0/f/x\\377y")"';
    const { success } = new Deno.Command("sh", { args: ["-c", script, folder.path] }).outputSync();
    assert(success);
    await withUpload([`${folder.path}/f`], (upload) => {
      assertEquals(pathsOf(upload), ["f/a"]);
      const reason = "it is gone, or its name is not UTF-8";
      assertEquals(upload.skipped, [{ path: `${folder.path}/f/x\uFFFDy`, reason }]);
    });
    // Deno removes no file with such a name either.
    new Deno.Command("rm", { args: ["-r", `${folder.path}/f`] }).outputSync();
  },
);

test("findUpload refuses a device, a folder without files and a path that is not there", async () => {
  using folder = new Folder();
  Deno.mkdirSync(`${folder.path}/empty/a/b`, { recursive: true });
  await assertFails(
    findUpload([`${folder.path}/empty`], LIMITS),
    "file-unreadable",
    "no files in it",
  );
  await assertFails(
    findUpload([`${folder.path}/no`], LIMITS),
    "file-unreadable",
    `"${folder.path}/no"`,
  );
  if (Deno.build.os !== "windows") {
    await assertFails(findUpload(["/dev/null"], LIMITS), "file-unreadable", "not a file");
  }
});

test("findUpload refuses too many files, and skips paths over its limits", async () => {
  using folder = new Folder();
  for (const name of ["f/1", "f/2", "f/3/4/5", `f/${"x".repeat(40)}`]) folder.write(name);
  const paths = [`${folder.path}/f`];
  await assertFails(
    findUpload(paths, { ...LIMITS, maxFiles: 3 }),
    "too-many-files",
    "over 3 files",
  );
  await withUpload(paths, (upload) => assertEquals(upload.files.length, 4), {
    ...LIMITS,
    maxFiles: 4,
  });
  const limits = { maxFiles: 4, maxPathBytes: 41, maxPathDepth: 3 };
  await withUpload(paths, (upload) => {
    assertEquals(pathsOf(upload), ["f/1", "f/2"]);
    assertEquals(upload.skipped.map(({ reason }) => reason), [
      "it is in too many folders",
      "its path is too long",
    ]);
  }, limits);
});

const CHANGES = [
  {
    what: "is shorter",
    change: (file: string) => Deno.truncateSync(file, 3),
    code: "file-changed",
    when: "size has changed",
  },
  {
    what: "is longer",
    change: (file: string) => Deno.writeTextFileSync(file, "!", { append: true }),
    code: "file-changed",
    when: "size has changed",
  },
] as const;

for (const { change, code, what, when } of CHANGES) {
  for (const isOpen of [false, true]) {
    test(`Upload.readAt notices that a file ${what}, ${isOpen ? "open" : "not open yet"}`, async () => {
      using folder = new Folder();
      const file = folder.write("a");
      Deno.writeTextFileSync(file, "0123456789");
      await withUpload([file], async (upload) => {
        if (isOpen) assertEquals(await text(upload, 0), "0123456789");
        change(file);
        if (!isOpen) await assertFails(upload.readAt(0, 0, new Uint8Array(1)), code, when);
        await assertFails(text(upload, 0), code, when);
      });
    });
  }
}

test("Upload.readAt notices that a file is gone, or that a folder or a link has taken its place", async () => {
  using folder = new Folder();
  folder.write("f/a");
  folder.write("secret", "f/a");
  const file = `${folder.path}/f/a`;
  await withUpload([`${folder.path}/f`], async (upload) => {
    Deno.removeSync(file);
    await assertFails(text(upload, 0), "file-unreadable", "No such file");
    Deno.mkdirSync(file);
    await assertFails(text(upload, 0), "file-changed", "no longer a file");
    Deno.removeSync(file);
    Deno.symlinkSync(`${folder.path}/secret`, file);
    await assertFails(text(upload, 0), "file-changed", "no longer a file");
    Deno.removeSync(file);
    Deno.writeTextFileSync(file, "f/a");
    assertEquals(await text(upload, 0), "f/a");
  });
});

test("Upload.readAt follows no link in the place of a folder, so that no one who can write there chooses what is sent", async () => {
  using folder = new Folder();
  folder.write("f/keys/a", "public");
  folder.write("own/a", "secret");
  Deno.symlinkSync(`${folder.path}/f`, `${folder.path}/link`);
  await withUpload([`${folder.path}/link`], async (upload) => {
    Deno.renameSync(`${folder.path}/f/keys`, `${folder.path}/elsewhere`);
    Deno.symlinkSync(`${folder.path}/own`, `${folder.path}/f/keys`);
    await assertFails(text(upload, 0), "file-changed", "it was replaced");
    Deno.removeSync(`${folder.path}/f/keys`);
    Deno.renameSync(`${folder.path}/elsewhere`, `${folder.path}/f/keys`);
    assertEquals(await text(upload, 0), "public");
  });
});

test("Upload.readAt reads the end of a sparse file of 5 GiB", async () => {
  using folder = new Folder();
  const file = `${folder.path}/sparse`;
  Deno.writeTextFileSync(file, "");
  Deno.truncateSync(file, 5 * 2 ** 30);
  await withUpload([file], async (upload) => {
    assertEquals(upload.files[0]!.size, 5 * 2 ** 30);
    const into = new Uint8Array(10).fill(1);
    await upload.readAt(0, 5 * 2 ** 30 - 10, into);
    assertEquals(into, new Uint8Array(10));
  });
});

test("Upload.readAt reads nothing after close", async () => {
  using folder = new Folder();
  const upload = await findUpload([folder.write("a")], LIMITS);
  const last = text(upload, 0);
  await upload.close();
  assertEquals(await last, "a");
  await assertFails(text(upload, 0), "file-unreadable", "closed");
});

Deno.test({
  name: "findUpload names the permission that is missing",
  permissions: { read: false },
  fn: async () => {
    const error = await assertFails(findUpload(["a"], LIMITS), "permission-denied");
    assertEquals(error.message, 'Cannot send "a": --allow-read is missing');
    assertEquals(error.hint, 'Allow it: deno run --allow-read="a" …');
  },
});
