/**
 * lanchat on Linux for ARM, which QEMU runs here: `deno task try:arm64`.
 *
 * @module
 */
import { exists } from "../docs/documents.ts";
import { missing } from "../support/tools.ts";
import { type Foreign, tryOut } from "./foreign.ts";

/** The C library of that system. */
const LIBRARIES = "/usr/aarch64-linux-gnu";

const SYSTEM: Foreign = {
  name: "Linux on ARM",
  npm: "@deno/linux-arm64-glibc",
  program: "deno",
  obstacle: missing("npm", "qemu-aarch64") ??
    (exists(`${LIBRARIES}/lib/libgcc_s.so.1`)
      ? undefined
      : "its libraries are missing: apt-get install libc6-arm64-cross libgcc-s1-arm64-cross"),
  emulate: (program, args) => ["qemu-aarch64", "-L", LIBRARIES, program, ...args],
  path: (file) => file,
};

tryOut(SYSTEM);
