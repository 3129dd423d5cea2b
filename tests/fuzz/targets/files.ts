import { assert, assertEquals } from "@std/assert";
import { utf8 } from "../../../lib/bytes/mod.ts";
import { WireError } from "../../../lib/errors.ts";
import { Manifest, safePaths } from "../../../lib/files/mod.ts";
import { assertCanonical, refusal, type Target } from "../target.ts";

/** A manifest of a sender, and the paths that a receiver makes of it. */
const manifest: Target = {
  name: "manifest",
  runs: 2000,
  run(input): string {
    let decoded: Manifest;
    try {
      decoded = Manifest.decode(input);
    } catch (error) {
      return refusal(error, WireError);
    }
    const { bytes, files, isStream, size } = decoded;
    assertCanonical(Manifest.of(files).bytes, input);
    const length = bytes.length + Math.min(size, 1_000_000);
    const spans = decoded.spans(0, length);
    assertEquals(spans.reduce((sum, span) => sum + span.length, 0), length);
    const paths = safePaths(files.map(({ path }) => path));
    const keys = new Set(paths.map((names) => names.join("/").normalize("NFD").toLowerCase()));
    assertEquals(keys.size, files.length);
    for (const name of paths.flat()) {
      assert(!/^[.-]|^$|[/\\:\p{C}]|[ .]$/u.test(name) && utf8(name).length <= 255, name);
    }
    return `ok: ${Math.min(files.length, 3)} files, ${isStream ? "a stream" : spans.length > 1}`;
  },
};

/** All that takes what a sender says of its files. */
export const fileTargets: readonly Target[] = [manifest];
