import { assertEquals } from "@std/assert";
import os from "node:os";
import { loginName } from "../../lib/cli/environment.ts";
import { SYSTEM_FACTS, VARIABLES } from "../../lib/permission.ts";

const LOGIN_VARIABLES = ["USER", "LOGNAME", "USERNAME"];

function fakeLogin(login: () => string): Disposable {
  const real = os.userInfo;
  os.userInfo = (() => ({ username: login() })) as typeof os.userInfo;
  return { [Symbol.dispose]: () => void (os.userInfo = real) };
}

function fakeVariables(values: Record<string, string>): Disposable {
  const real = LOGIN_VARIABLES.map((name) => [name, Deno.env.get(name)] as const);
  const set = (name: string, value: string | undefined): void =>
    value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
  for (const name of LOGIN_VARIABLES) set(name, values[name]);
  return {
    [Symbol.dispose]() {
      for (const [name, value] of real) set(name, value);
    },
  };
}

Deno.test("loginName is the system's name for the account, in NFC", () => {
  using _login = fakeLogin(() => "zoe\u0308");
  assertEquals(loginName(), "zo\u00eb");
});

Deno.test({
  name: "loginName needs only the permissions that the binary has",
  permissions: { env: [...VARIABLES], sys: [...SYSTEM_FACTS] },
  fn: () => assertEquals(loginName(), os.userInfo().username),
});

Deno.test("loginName is undefined if the account's name is invalid", () => {
  for (const name of ["", "a:b", "x".repeat(49), "a\u202eb"]) {
    using _login = fakeLogin(() => name);
    assertEquals(loginName(), undefined);
  }
});

Deno.test("loginName falls back to the environment", () => {
  using _login = fakeLogin(() => {
    throw new Error("no such user");
  });
  for (const name of LOGIN_VARIABLES) {
    using _variables = fakeVariables({ [name]: "ada" });
    assertEquals(loginName(), "ada");
  }
  using _both = fakeVariables({ USER: "", LOGNAME: "bob", USERNAME: "eve" });
  assertEquals(loginName(), "bob");
  using _none = fakeVariables({});
  assertEquals(loginName(), undefined);
});

for (const missing of [{ sys: false }, { env: false }] as const) {
  Deno.test({
    name: `loginName is undefined without --allow-${Object.keys(missing)[0]}`,
    permissions: missing,
    fn() {
      assertEquals(loginName(), undefined);
    },
  });
}
