import { emptyDirectory } from "./program.ts";

/** Files of a server's certificate for 127.0.0.1, and of two authorities: its own, and another. */
export interface Certificates {
  readonly ca: string;
  readonly otherCa: string;
  readonly certificate: string;
  readonly key: string;
}

/** Makes certificates with openssl. */
export async function certificates(): Promise<Certificates> {
  const directory = emptyDirectory();
  const file = (name: string): string => `${directory}/${name}`;
  const openssl = async (...args: readonly string[]): Promise<void> => {
    const { success, stderr } = await new Deno.Command("openssl", { args: [...args] }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
  };
  const authority = async (name: string): Promise<void> =>
    await openssl(
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
      ...["-subj", `/CN=${name}`, "-keyout", file(`${name}.key`), "-out", file(`${name}.pem`)],
    );
  await authority("ca");
  await authority("other");
  await openssl(
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
    ...["-subj", "/CN=server", "-addext", "subjectAltName=IP:127.0.0.1"],
    ...["-addext", "basicConstraints=critical,CA:FALSE"],
    ...["-CA", file("ca.pem"), "-CAkey", file("ca.key")],
    ...["-keyout", file("server.key"), "-out", file("server.pem")],
  );
  return {
    ca: file("ca.pem"),
    otherCa: file("other.pem"),
    certificate: file("server.pem"),
    key: file("server.key"),
  };
}
