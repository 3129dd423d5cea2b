/**
 * A member of the raw relay as a process: each line of standard input leaves as a frame, each frame that comes
 * is a line of standard output. Its argument is the port; it prints an empty line when it is connected.
 *
 * @module
 */
import { TextLineStream } from "@std/streams";
import { encodeFrame } from "../lib/wire/mod.ts";
import { FrameSocket } from "./frame_socket.ts";

const socket = new FrameSocket(
  await Deno.connect({ hostname: "127.0.0.1", port: Number(Deno.args[0]) }),
);
const print = (text: string): void => void Deno.stdout.writeSync(new TextEncoder().encode(text));
socket.onFrame = ({ body }) => print(`${new TextDecoder().decode(body)}\n`);
print("\n");
const lines = Deno.stdin.readable
  .pipeThrough(new TextDecoderStream())
  .pipeThrough(new TextLineStream());
for await (const line of lines) socket.write(encodeFrame(new TextEncoder().encode(line)));
socket.close();
