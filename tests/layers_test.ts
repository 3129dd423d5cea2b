import { assertEquals } from "@std/assert";
import { test } from "./support/test.ts";

/** The folders and root files of lib/, each with those that it imports and no others. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  "errors.ts": [],
  "clock.ts": [],
  "permission.ts": [],
  "signals.ts": [],
  "bounded_map.ts": [],
  "sizes.ts": [],
  "edit_distance.ts": [],
  "rate_limiter.ts": ["clock.ts"],
  "address.ts": ["errors.ts"],
  "broker_address.ts": ["errors.ts", "address.ts"],
  "session_events.ts": ["errors.ts"],
  bytes: ["errors.ts"],
  crypto: ["sizes.ts", "bytes"],
  wire: ["errors.ts", "sizes.ts", "bytes"],
  handshake: ["errors.ts", "clock.ts", "bytes", "crypto", "wire"],
  channel: ["errors.ts", "clock.ts", "bytes", "crypto", "wire", "handshake"],
  room: [
    "errors.ts",
    "clock.ts",
    "rate_limiter.ts",
    "session_events.ts",
    "bytes",
    "crypto",
    "wire",
    "channel",
  ],
  relay: [
    "errors.ts",
    "clock.ts",
    "rate_limiter.ts",
    "address.ts",
    "broker_address.ts",
    "bytes",
    "crypto",
    "wire",
    "handshake",
    "channel",
  ],
  files: [
    "errors.ts",
    "bounded_map.ts",
    "clock.ts",
    "rate_limiter.ts",
    "session_events.ts",
    "bytes",
    "crypto",
    "wire",
    "store",
  ],
  store: ["errors.ts", "clock.ts", "permission.ts", "bytes", "crypto", "wire"],
  net: [
    "errors.ts",
    "clock.ts",
    "permission.ts",
    "address.ts",
    "broker_address.ts",
    "bytes",
    "crypto",
    "wire",
  ],
  broker: ["errors.ts", "clock.ts", "address.ts", "broker_address.ts", "bytes", "crypto", "net"],
  session: [
    "errors.ts",
    "clock.ts",
    "signals.ts",
    "bounded_map.ts",
    "address.ts",
    "broker_address.ts",
    "session_events.ts",
    "bytes",
    "crypto",
    "wire",
    "handshake",
    "channel",
    "room",
    "relay",
    "store",
    "net",
    "files",
    "broker",
  ],
  ui: [
    "errors.ts",
    "edit_distance.ts",
    "clock.ts",
    "permission.ts",
    "signals.ts",
    "bounded_map.ts",
    "address.ts",
    "session_events.ts",
    "bytes",
    "crypto",
    "wire",
    "session",
  ],
  cli: [
    "errors.ts",
    "edit_distance.ts",
    "clock.ts",
    "permission.ts",
    "signals.ts",
    "address.ts",
    "broker_address.ts",
    "session_events.ts",
    "bytes",
    "crypto",
    "wire",
    "handshake",
    "channel",
    "room",
    "relay",
    "store",
    "net",
    "broker",
    "session",
    "ui",
  ],
};

/** Functions of the runtime that one folder or file keeps to itself. */
const RESERVED = [
  { layer: "crypto", what: "WebCrypto", pattern: /\bcrypto\.\w+|\bsubtle\b|node:crypto/ },
  {
    layer: "net",
    what: "sockets",
    pattern: /\bDeno\.(?:listen|connect|startTls)|node:(?:net|https?|tls|dgram|dns)"/,
  },
  {
    layer: "store",
    what: "files",
    pattern:
      /\bDeno\.(?:open|create|read|write|l?stat|rename|remove(?!Signal)|copyFile|mkdir|make|chmod|chown|link|symlink|truncate|utime|realPath|watchFs)|node:fs/,
  },
  {
    layer: "clock.ts",
    what: "timers and the time",
    pattern:
      /\bset(?:Timeout|Interval|Immediate)\b|AbortSignal\.timeout|\b(?:Date|performance)\.now\b|node:timers/,
  },
  {
    layer: "permission.ts",
    what: "permissions and the environment",
    pattern: /\bDeno\.(?:permissions|env)\b|\bprocess\.env\b/,
  },
];

/** A module of the program, named by its path from the root. */
interface Module {
  readonly path: string;
  readonly source: string;
  readonly imports: readonly string[];
}

interface Info {
  readonly modules: readonly {
    readonly specifier: string;
    readonly local?: string;
    readonly dependencies?: readonly {
      readonly code?: { readonly specifier?: string };
      readonly type?: { readonly specifier?: string };
    }[];
  }[];
}

const ROOT = new URL("../", import.meta.url).href;

/** All modules of the program, with what they import for its code or its types. */
async function modulesOf(entry: string): Promise<Module[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", entry],
    cwd: new URL(ROOT),
    stderr: "inherit",
  }).output();
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as Info;
  return await Promise.all(
    modules.filter(({ specifier }) => isOwn(specifier)).map(
      async ({ specifier, local, dependencies = [] }) => ({
        path: specifier.slice(ROOT.length),
        source: await Deno.readTextFile(local!),
        imports: dependencies.flatMap(({ code, type }) => [code?.specifier, type?.specifier])
          .filter((target) => target !== undefined && isOwn(target))
          .map((target) => target!.slice(ROOT.length)),
      }),
    ),
  );
}

/** Whether it is code of this repository; the JSON files of which the version is read are not. */
function isOwn(specifier: string): boolean {
  return specifier.startsWith(ROOT) && specifier.endsWith(".ts") && !isDeclaration(specifier);
}

/** Whether a file only declares the types of outside modules. */
function isDeclaration(file: string): boolean {
  return file.endsWith(".d.ts");
}

/** The folder or file of lib/ that a module belongs to; `undefined` for one outside. */
function layerOf(path: string): string | undefined {
  return path.startsWith("lib/") ? path.split("/")[1] : undefined;
}

/** What is wrong with a program, one line each. */
function faults(modules: readonly Module[]): string[] {
  return modules.flatMap((module) => [
    ...importFaults(module),
    ...RESERVED.filter(({ layer, pattern }) =>
      layerOf(module.path) !== layer && pattern.test(module.source)
    ).map(({ what, layer }) => `${module.path} uses ${what}, which only ${layer} may`),
  ]);
}

function importFaults({ path, imports }: Module): string[] {
  const layer = layerOf(path);
  const allowed = layer === undefined ? ["cli"] : ALLOWED[layer];
  if (allowed === undefined) return [`${path} is in no known layer`];
  return imports.flatMap((target) => {
    const other = layerOf(target);
    if (other !== undefined && other === layer) return [];
    if (other === undefined || !allowed.includes(other)) {
      return [`${path} may not import ${target}`];
    }
    if (target !== `lib/${other}` && target !== `lib/${other}/mod.ts`) {
      return [`${path} imports ${target} past its mod.ts`];
    }
    return [];
  });
}

/** All folders and files of lib/ that one imports, itself or through others. */
function reachedFrom(layer: string): Set<string> {
  const reached = new Set(ALLOWED[layer]);
  for (const other of reached) ALLOWED[other]!.forEach((next) => reached.add(next));
  return reached;
}

/** All TypeScript files of a folder. */
function filesOf(folder: string): string[] {
  return [...Deno.readDirSync(new URL(folder, ROOT))].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesOf(`${folder}${name}/`) : [`${folder}${name}`]
  );
}

test("lib: each folder imports only what it may, and only the mod.ts of a folder", async () => {
  const modules = await modulesOf("main.ts");
  assertEquals(faults(modules), []);
  assertEquals(
    modules.map(({ path }) => path).filter((path) => path.startsWith("lib/")).sort(),
    filesOf("lib/").filter((file) => !isDeclaration(file)).sort(),
    "a module is no part of the program",
  );
  for (const [layer, allowed] of Object.entries(ALLOWED)) {
    const imported = modules.filter(({ path }) => layerOf(path) === layer)
      .flatMap(({ imports }) => imports.map(layerOf));
    assertEquals(allowed.filter((other) => !imported.includes(other)), [], `${layer} imports less`);
  }
});

test("lib: no folder reaches itself, and relay reaches no folder that has a key of a room", () => {
  assertEquals(Object.keys(ALLOWED).filter((layer) => reachedFrom(layer).has(layer)), []);
  const reached = reachedFrom("relay");
  assertEquals(["room", "session", "store", "ui", "cli"].filter((it) => reached.has(it)), []);
});

test("lib: an import that is not allowed is found", () => {
  const found = faults([
    moduleAt("main.ts", ["lib/cli/mod.ts", "lib/cli/run.ts", "lib/net/mod.ts"]),
    moduleAt("lib/clock.ts", ["lib/errors.ts"]),
    moduleAt("lib/crypto/hash.ts", ["lib/bytes/mod.ts"]),
    moduleAt("lib/room/mod.ts", ["lib/room/room.ts"]),
    moduleAt("lib/wire/frame.ts", ["lib/channel/mod.ts", "lib/crypto/mod.ts"]),
    moduleAt("lib/store/place.ts", ["lib/bytes/hex.ts", "tests/support/keys.ts"]),
    moduleAt("lib/ui/notices.ts", ["lib/net/mod.ts", "lib/relay/mod.ts", "lib/room/mod.ts"]),
    moduleAt("lib/session/client.ts", ["lib/ui/mod.ts", "lib/cli/mod.ts"]),
    moduleAt("lib/relay/host.ts", ["lib/channel/mod.ts", "lib/room/mod.ts"]),
    moduleAt("lib/other/mod.ts"),
  ]);
  assertEquals(found, [
    "main.ts imports lib/cli/run.ts past its mod.ts",
    "main.ts may not import lib/net/mod.ts",
    "lib/clock.ts may not import lib/errors.ts",
    "lib/wire/frame.ts may not import lib/channel/mod.ts",
    "lib/wire/frame.ts may not import lib/crypto/mod.ts",
    "lib/store/place.ts imports lib/bytes/hex.ts past its mod.ts",
    "lib/store/place.ts may not import tests/support/keys.ts",
    "lib/ui/notices.ts may not import lib/net/mod.ts",
    "lib/ui/notices.ts may not import lib/relay/mod.ts",
    "lib/ui/notices.ts may not import lib/room/mod.ts",
    "lib/session/client.ts may not import lib/ui/mod.ts",
    "lib/session/client.ts may not import lib/cli/mod.ts",
    "lib/relay/host.ts may not import lib/room/mod.ts",
    "lib/other/mod.ts is in no known layer",
  ]);
});

for (
  const { layer, what, uses } of [
    {
      layer: "crypto",
      what: "WebCrypto",
      uses: [
        "crypto.subtle.digest",
        "const { subtle } = crypto",
        "crypto.randomUUID()",
        'from "node:crypto"',
      ],
    },
    {
      layer: "net",
      what: "sockets",
      uses: ["Deno.listen({ port })", "Deno.connect({ port })", 'import("node:dns")'],
    },
    {
      layer: "store",
      what: "files",
      uses: [
        "Deno.open(file)",
        "Deno.readTextFile(file)",
        "Deno.statSync(file)",
        "Deno.lstat(file)",
        "Deno.mkdir(place)",
        "Deno.makeTempDir()",
        "Deno.remove(file)",
        "Deno.rename(draft, file)",
        "Deno.chmod(file, 0o600)",
        'from "node:fs/promises"',
      ],
    },
    {
      layer: "clock.ts",
      what: "timers and the time",
      uses: [
        "setTimeout(act, 5)",
        "setInterval(act, 5)",
        "AbortSignal.timeout(5)",
        "Date.now()",
        "performance.now()",
      ],
    },
    {
      layer: "permission.ts",
      what: "permissions and the environment",
      uses: ["Deno.permissions.querySync(it)", "Deno.env.get(variable)", "process.env.TMUX"],
    },
  ]
) {
  test(`lib: the use of ${what} outside ${layer} is found`, () => {
    const own = layer.endsWith(".ts") ? `lib/${layer}` : `lib/${layer}/mod.ts`;
    assertEquals(uses.flatMap((use) => faults([moduleAt(own, [], use)])), []);
    for (const use of uses) {
      assertEquals(
        faults([moduleAt("lib/cli/run.ts", [], use)]),
        [`lib/cli/run.ts uses ${what}, which only ${layer} may`],
        use,
      );
    }
  });
}

/** A module that tests make up. */
function moduleAt(path: string, imports: string[] = [], source = ""): Module {
  return { path, imports, source };
}
