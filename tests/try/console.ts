/**
 * Runs Deno in the console of Windows, and changes that console as a person does:
 * `deno run --allow-all console.ts PORT ARGUMENTS`. What it does comes in lines from a port of the loopback
 * interface: `size COLUMNS ROWS`, or `event NUMBER`. It answers each line with that line.
 *
 * @module
 */
import { TextLineStream } from "@std/streams";

/** The standard output, as `GetStdHandle` counts. */
const STD_OUTPUT_HANDLE = -11;

/** All that one process may do with another. */
const PROCESS_ALL_ACCESS = 0x1fffff;

const { symbols: kernel } = Deno.dlopen("kernel32.dll", {
  CreateRemoteThread: {
    parameters: ["pointer", "pointer", "usize", "pointer", "pointer", "u32", "pointer"],
    result: "pointer",
  },
  GetModuleHandleA: { parameters: ["buffer"], result: "pointer" },
  GetProcAddress: { parameters: ["pointer", "buffer"], result: "pointer" },
  GetStdHandle: { parameters: ["i32"], result: "pointer" },
  OpenProcess: { parameters: ["u32", "i32", "u32"], result: "pointer" },
  SetConsoleScreenBufferSize: { parameters: ["pointer", "u32"], result: "i32" },
  SetConsoleWindowInfo: { parameters: ["pointer", "i32", "buffer"], result: "i32" },
});

function named(name: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${name}\0`);
}

/** Makes the window as large as this. The window must fit into its buffer at each step. */
function resize(columns: number, rows: number): void {
  const output = kernel.GetStdHandle(STD_OUTPUT_HANDLE);
  const window = (right: number, bottom: number): void => {
    const corners = new Int16Array([0, 0, right, bottom]);
    if (kernel.SetConsoleWindowInfo(output, 1, corners) === 0) throw new Error("no such window");
  };
  window(0, 0);
  kernel.SetConsoleScreenBufferSize(output, rows << 16 | columns);
  window(columns - 1, rows - 1);
}

/** Tells a process of an event of its console as Windows does: by a thread that calls its handlers. */
function raise(event: number, pid: number): void {
  const handlers = kernel.GetProcAddress(
    kernel.GetModuleHandleA(named("kernelbase.dll")),
    named("CtrlRoutine"),
  );
  const handle = kernel.OpenProcess(PROCESS_ALL_ACCESS, 0, pid);
  const parameter = Deno.UnsafePointer.create(BigInt(event));
  const thread = kernel.CreateRemoteThread(handle, null, 0n, handlers, parameter, 0, null);
  if (thread === null) throw new Error("no such process");
}

const [port, ...args] = Deno.args;
const child = new Deno.Command(Deno.execPath(), { args, stdin: "inherit" }).spawn();
const control = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
child.status.then(({ code }) => Deno.exit(code));
const answers = control.writable.getWriter();
const lines = control.readable.pipeThrough(new TextDecoderStream())
  .pipeThrough(new TextLineStream());
for await (const line of lines) {
  const [act, ...numbers] = line.split(" ");
  const [first, second] = numbers.map(Number);
  if (act === "size") resize(first!, second!);
  else raise(first!, child.pid);
  await answers.write(new TextEncoder().encode(`${line}\n`));
}
