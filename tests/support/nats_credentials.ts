import { nkeys } from "@nats-io/transport-node";
import { toBase64Url, utf8 } from "../../lib/bytes/mod.ts";

type KeyPair = ReturnType<typeof nkeys.createUser>;

/** Settings of a server that accepts only holders of its account's credentials, and such credentials. */
export interface CredentialedServer {
  /** Lines for the server's configuration. */
  readonly settings: string;
  /** The text of a credentials file. */
  readonly creds: string;
}

const NO_LIMITS = { subs: -1, data: -1, payload: -1 };

/** Makes an operator, an account and a user as NATS's own tool does. */
export function credentialedServer(): CredentialedServer {
  const [operator, account, user] = [
    nkeys.createOperator(),
    nkeys.createAccount(),
    nkeys.createUser(),
  ];
  const operatorToken = token(operator, operator, { type: "operator" });
  const accountToken = token(account, operator, {
    type: "account",
    limits: { ...NO_LIMITS, conn: -1, leaf: -1, imports: -1, exports: -1, wildcards: true },
  });
  const userToken = token(user, account, { type: "user", pub: {}, sub: {}, ...NO_LIMITS });
  const seed = new TextDecoder().decode(user.getSeed());
  return {
    settings: `operator: ${operatorToken}
      resolver: MEMORY
      resolver_preload: { ${account.getPublicKey()}: ${accountToken} }`,
    creds: [
      ...["-----BEGIN NATS USER JWT-----", userToken, "------END NATS USER JWT------", ""],
      ...["-----BEGIN USER NKEY SEED-----", seed, "------END USER NKEY SEED------", ""],
    ].join("\n"),
  };
}

function token(subject: KeyPair, issuer: KeyPair, nats: Record<string, unknown>): string {
  const key = subject.getPublicKey();
  const claims = {
    jti: key,
    iat: 1_700_000_000,
    iss: issuer.getPublicKey(),
    name: key,
    sub: key,
    nats: { ...nats, version: 2 },
  };
  const signed = [{ typ: "JWT", alg: "ed25519-nkey" }, claims]
    .map((part) => toBase64Url(utf8(JSON.stringify(part)))).join(".");
  return `${signed}.${toBase64Url(issuer.sign(utf8(signed)))}`;
}
