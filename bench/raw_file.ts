/**
 * A file through a relay of raw TCP, each end a process. The first argument says which:
 *
 * - `relay` passes on all that its second connection sends to the first; it prints its port;
 * - `receive PORT FILE` prints an empty line when it is connected, and another when the file is whole;
 * - `send PORT FILE`.
 *
 * @module
 */
const [role, port, path] = Deno.args;
const hostname = "127.0.0.1";

if (role === "relay") {
  const listener = Deno.listen({ hostname, port: 0 });
  console.log(listener.addr.port);
  const receiver = await listener.accept();
  const sender = await listener.accept();
  await sender.readable.pipeTo(receiver.writable);
} else if (role === "receive") {
  const { readable } = await Deno.connect({ hostname, port: Number(port) });
  console.log();
  const file = await Deno.create(path!);
  await readable.pipeTo(file.writable);
  console.log();
} else {
  const { writable } = await Deno.connect({ hostname, port: Number(port) });
  const file = await Deno.open(path!);
  await file.readable.pipeTo(writable);
}
