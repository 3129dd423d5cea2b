/**
 * The completion scripts for shells, which come from the option table and the registry.
 *
 * @module
 */
import type { Shell } from "./commands/completions.ts";
import {
  ALL_OPTIONS,
  COMMON_OPTIONS,
  describe,
  type Option,
  optionsOf,
  type Subcommand,
  SUBCOMMANDS,
  typeOf,
} from "./options.ts";
import { COMMANDS } from "./registry.ts";

/** Prints the addresses of known hosts, one a line; nothing where they cannot be read. */
const HOSTS_COMMAND = "lanchat peers hosts 2>/dev/null </dev/null";

/**
 * Returns a script that completes lanchat's commands, options, paths and, except for PowerShell, the
 * addresses of known hosts. The script runs only {@linkcode HOSTS_COMMAND}, and does not change the words
 * that are typed already.
 */
export function completionScript(shell: Shell): string {
  switch (shell) {
    case "bash":
      return bash();
    case "zsh":
      return zsh();
    case "fish":
      return fish();
    case "powershell":
      return powershell();
  }
}

/** For every version of bash; that of macOS has no `compopt` and completes no paths. */
function bash(): string {
  const cases = SUBCOMMANDS.map((name) => {
    const { choices = [], operand } = COMMANDS[name];
    const flags = `words="${names(optionsOf(name)).join(" ")}"`;
    const files = "compopt -o default 2>/dev/null";
    return [
      `    ${name}:*:${operand === undefined ? "" : "-"}*) ${flags} ;;\n`,
      ...choices.length > 0 ? [`    ${name}::*) words="${choices.join(" ")}" ;;\n`] : [],
      ...fileActions(name).map((action) => `    ${name}:${action}:*) ${files} ;;\n`),
      ...takesFiles(name)
        ? [`    ${name}:*:*) ${files}; _lanchat_hosts "$cur"; return ;;\n`]
        : takesFile(name)
        ? [`    ${name}::*) ${files} ;;\n`]
        : takesHost(name)
        ? [`    ${name}::*) _lanchat_hosts "$cur"; return ;;\n`]
        : [],
    ].join("");
  });
  const valued = valueOptions();
  const files = names(valued.filter(takesPath)).join("|");
  const others = names(valued.filter((option) => !takesPath(option))).join("|");
  const chosen = valued.filter((option) => choicesOf(option).length > 0).map((option) =>
    `    ${option.name}) COMPREPLY=($(compgen -W "${
      choicesOf(option).join(" ")
    }" -- "$cur")); return ;;\n`
  );
  return `\
# Completions of lanchat for bash: source this file.
_lanchat_hosts() {
  local host
  while read -r host; do
    if [[ $host == "$1"* ]]; then COMPREPLY+=("$host"); fi
  done < <(${HOSTS_COMMAND})
}
_lanchat() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]}
  local command= action= last= word words=
  COMPREPLY=()
  if [[ $prev == "=" ]]; then prev=\${COMP_WORDS[COMP_CWORD - 2]}; fi
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD - 1}"; do
    if [[ $word == "=" ]]; then continue; fi
    case $last in ${files}|${others}) last=; continue ;; esac
    last=$word
    if [[ $word == -* ]]; then continue; fi
    if [[ -n $command ]]; then action=\${action:-$word}; continue; fi
    case $word in ${SUBCOMMANDS.join("|")}) command=$word ;; esac
  done
  case $prev in
${chosen.join("")}\
    ${files}) compopt -o default 2>/dev/null; return ;;
    ${others}) return ;;
  esac
  case $command:$action:$cur in
${cases.join("")}\
    ::-*) words="${names(COMMON_OPTIONS).join(" ")}" ;;
    ::*) words="${SUBCOMMANDS.join(" ")}" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _lanchat lanchat
`;
}

function zsh(): string {
  const summaries = SUBCOMMANDS.map((name) => `${name}\\:${zshWord(COMMANDS[name].summary)}`);
  const cases = SUBCOMMANDS.map((name) => {
    const specs = [...optionsOf(name).map(zshOption), ...zshOperand(name)];
    return `    ${name})\n      _arguments \\\n        ${specs.join(" \\\n        ")}\n      ;;\n`;
  });
  return `\
#compdef lanchat
# Completions of lanchat for zsh: source this file behind compinit, or put it into $fpath as _lanchat.
_lanchat_hosts() {
  local -a hosts=(\${(f)"$(${HOSTS_COMMAND})"})
  compadd -a hosts
}
_lanchat() {
  local curcontext=$curcontext state line
  typeset -A opt_args
  _arguments -C \\
    ${COMMON_OPTIONS.map(zshOption).join(" \\\n    ")} \\
    ${zshQuote(`1:command:((${summaries.join(" ")}))`)} \\
    '*::argument:->argument'
  [[ $state == argument ]] || return
  case $words[1] in
${cases.join("")}\
  esac
}
if [[ $funcstack[1] == _lanchat ]]; then
  _lanchat "$@"
else
  compdef _lanchat lanchat
fi
`;
}

function zshOption(option: Option): string {
  const { name } = option;
  const text = `[${zshText(describe(option))}]`;
  const value = typeOf(option).placeholder;
  const choices = choicesOf(option);
  const action = takesPath(option) ? "_files" : choices.length > 0 ? `(${choices.join(" ")})` : " ";
  return zshQuote(
    value === undefined ? `${name}${text}` : `${name}=${text}:${zshText(value)}:${action}`,
  );
}

function zshOperand(name: Subcommand): string[] {
  const { choices = [], operand } = COMMANDS[name];
  if (operand === undefined) return [];
  if (takesFiles(name)) return [zshQuote(`*:${zshText(operand)}:{ _files; _lanchat_hosts }`)];
  const first = choices.length > 0
    ? `(${choices.join(" ")})`
    : takesFile(name)
    ? "_files"
    : takesHost(name)
    ? "_lanchat_hosts"
    : " ";
  const actions = fileActions(name);
  return [
    zshQuote(`1:${zshText(operand)}:${first}`),
    ...actions.length > 0
      ? [zshQuote(`2:FILE:{ (( $words[(I)(${actions.join("|")})] )) && _files }`)]
      : [],
  ];
}

/** Escapes a text in a specification of `_arguments`. */
function zshText(text: string): string {
  return text.replaceAll(/[[\]:\\]/g, "\\$&");
}

/** Escapes a text in a list of words of such a specification. */
function zshWord(text: string): string {
  return zshText(text).replaceAll(/[ ()]/g, "\\$&");
}

function zshQuote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function fish(): string {
  const line = (...words: string[]): string => `complete -c lanchat ${words.join(" ")}\n`;
  const optionWords = (option: Option): string[] => [
    ...option.short === undefined ? [] : [`-s ${option.short.slice(1)}`],
    `-l ${option.name.slice(2)}`,
    ...option.type === "flag" ? [] : [takesPath(option) ? "-rF" : "-x"],
    ...choicesOf(option).length > 0 ? [`-a ${fishQuote(choicesOf(option).join(" "))}`] : [],
    `-d ${fishQuote(describe(option))}`,
  ];
  const top = "-n __fish_use_subcommand";
  const seen = (words: readonly string[]): string =>
    `__fish_seen_subcommand_from ${words.join(" ")}`;
  const whereSeen = (name: Subcommand, more = ""): string => `-n ${fishQuote(seen([name]) + more)}`;
  return [
    "# Completions of lanchat for fish: put this file into ~/.config/fish/completions.\n",
    line("-f"),
    ...COMMON_OPTIONS.map((each) => line(top, ...optionWords(each))),
    ...SUBCOMMANDS.map((name) => line(top, `-a ${name} -d ${fishQuote(COMMANDS[name].summary)}`)),
    ...SUBCOMMANDS.flatMap((name) => {
      const { choices = [] } = COMMANDS[name];
      const actions = fileActions(name);
      const inside = whereSeen(name);
      return [
        ...optionsOf(name).map((each) => line(inside, ...optionWords(each))),
        ...choices.length > 0
          ? [
            line(
              whereSeen(name, `; and not ${seen(choices)}`),
              `-a ${fishQuote(choices.join(" "))}`,
            ),
          ]
          : [],
        ...actions.length > 0 ? [line(whereSeen(name, `; and ${seen(actions)}`), "-F")] : [],
        ...takesFile(name) ? [line(inside, "-F")] : [],
        ...takesHost(name) ? [line(inside, `-a ${fishQuote(`(${HOSTS_COMMAND})`)}`)] : [],
      ];
    }),
  ].join("");
}

function fishQuote(text: string): string {
  return `'${text.replaceAll(/[\\']/g, "\\$&")}'`;
}

/** PowerShell completes paths if the script returns nothing. */
function powershell(): string {
  const table = (name: string, words: readonly (readonly [string, string])[]): string => {
    const lines = words.map(([word, text]) =>
      `      ${powershellQuote(word)} = ${powershellQuote(text)}\n`
    );
    return `    ${powershellQuote(name)} = [ordered]@{\n${lines.join("")}    }\n`;
  };
  const described = (options: readonly Option[]): [string, string][] =>
    options.map((option) => [option.name, describe(option)]);
  const commands = SUBCOMMANDS.map((name): [string, string] => [name, COMMANDS[name].summary]);
  const tables = SUBCOMMANDS.map((name) => {
    const { choices = [] } = COMMANDS[name];
    return table(name, [
      ...choices.map((choice): [string, string] => [choice, choice]),
      ...described(optionsOf(name)),
    ]);
  });
  return `\
# Completions of lanchat for PowerShell: add this to $PROFILE.
Register-ArgumentCompleter -Native -CommandName lanchat -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $completions = @{
${table("", [...commands, ...described(COMMON_OPTIONS)])}${tables.join("")}\
  }
  $valued = @(${names(valueOptions()).map(powershellQuote).join(", ")})
  $words = @($commandAst.CommandElements | Select-Object -Skip 1 |
    Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { $_.ToString() })
  if ($words.Count -gt 0 -and $valued -contains $words[-1]) { return }
  $command = "$($words | Where-Object { $completions.ContainsKey($_) } | Select-Object -First 1)"
  $chosen = $words | Where-Object { $_ -notlike '-*' -and $completions[$command].Contains($_) }
  if ($chosen -and $wordToComplete -notlike '-*') { return }
  $completions[$command].GetEnumerator() |
    Where-Object { $_.Key.StartsWith($wordToComplete, 'Ordinal') } |
    ForEach-Object {
      [System.Management.Automation.CompletionResult]::new($_.Key, $_.Key, 'ParameterValue', $_.Value)
    }
}
`;
}

function powershellQuote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** Whether a path may follow a command. */
function takesFile(name: Subcommand): boolean {
  return /^FILE/.test(COMMANDS[name].operand ?? "");
}

/** Whether several paths may follow a command, and then the address of a host. */
function takesFiles(name: Subcommand): boolean {
  return COMMANDS[name].operand?.startsWith("FILE...") ?? false;
}

/** Whether the address of a host may follow a command. */
function takesHost(name: Subcommand): boolean {
  return COMMANDS[name].operand?.includes("HOST") ?? false;
}

/** The choices of a command that a path may follow. */
function fileActions(name: Subcommand): readonly string[] {
  return COMMANDS[name].fileChoices ?? [];
}

/** All values of an option, where they are known. */
function choicesOf(option: Option): readonly string[] {
  return typeOf(option).choices ?? [];
}

function takesPath({ type }: Option): boolean {
  return type === "file" || type === "directory";
}

function names(options: readonly Option[]): string[] {
  return options.map(({ name }) => name);
}

/** The options that take a value, once each. */
function valueOptions(): readonly Option[] {
  const valued = ALL_OPTIONS.filter(({ type }) => type !== "flag");
  return [...new Map(valued.map((option) => [option.name, option])).values()];
}
