# Completions of lanchat for PowerShell: add this to $PROFILE.
Register-ArgumentCompleter -Native -CommandName lanchat -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $completions = @{
    '' = [ordered]@{
      'serve' = 'host a room and chat in it'
      'join' = 'join a room'
      'send' = 'send files to a room, and leave'
      'scan' = 'list the rooms on this network'
      'doctor' = 'find connection problems'
      'id' = 'show, protect or replace your identity'
      'peers' = 'list or forget the people you have met'
      'log' = 'print a log that --log wrote'
      'config' = 'show your default options'
      'completions' = 'print completions for a shell'
      'help' = 'show the help of a command'
      '--help' = 'show this help'
      '--no-config' = 'ignore the options file'
      '--version' = 'show the version'
    }
    'serve' = [ordered]@{
      '--port' = 'TCP port to listen on; 0 picks a free one (default 12345)'
      '--host' = 'listen only on this IP address'
      '--via' = 'let people join through a NATS server as well'
      '--via-creds' = 'credentials file for the NATS server'
      '--name' = 'your name (default: login name or a made-up one)'
      '--invite' = 'admit only people who have the invite link'
      '--new-room' = 'start a new room: old invites end, bans stay'
      '--allow' = 'admit only the fingerprints in this file'
      '--room' = 'name of the room; the whole network can see it'
      '--no-announce' = 'do not announce the room; others need its address'
      '--relay-only' = 'host the room without being a member'
      '--identity' = 'identity file; created if missing'
      '--profile' = 'use another identity; created if missing'
      '--max-members' = 'limit of members in the room (default 1024)'
      '--max-handshakes' = 'limit of joins at once, and per second (default 32)'
      '--max-per-address' = 'the same per address (default 8; this machine 24)'
      '--max-waiting' = 'limit of callers waiting to join (default 64)'
      '--max-queue' = 'limit of data kept for a disconnected member (default 4)'
      '--max-memory' = 'limit of data kept for all members (default 64)'
      '--max-rate' = 'limit of messages per second from one member (default 64)'
      '--keep-seat' = 'keep the place of a disconnected member (default 10)'
      '--accept-from' = 'save files without asking, from verified or all'
      '--download-dir' = 'save files there (Downloads/lanchat or ./lanchat)'
      '--max-file' = 'refuse larger offers, as in 100M or 2G'
      '--log' = 'append messages and notices to this file'
      '--log-encrypted' = 'encrypt the log under a passphrase'
      '--log-max' = 'move the log to FILE.1 at this size (default 64)'
      '--plain' = 'plain lines: no colors, no redrawing'
      '--quiet' = 'hide joins and leaves; in a pipe, all notices'
      '--no-notify' = 'no bell and no desktop notification'
      '--no-title' = 'do not change the window title'
      '--json' = 'read and write JSON Lines'
      '--help' = 'show this help'
    }
    'join' = [ordered]@{
      '--via-creds' = 'credentials file for the NATS server'
      '--name' = 'your name (default: login name or a made-up one)'
      '--host-key' = 'require this fingerprint of the host'
      '--accept-host' = 'require it, even if another host is known'
      '--identity' = 'identity file; created if missing'
      '--profile' = 'use another identity; created if missing'
      '--listen' = 'only show messages; ignore input'
      '--wait' = 'pipe: wait this long for another member (default 0)'
      '--timeout' = 'pipe: at the end, wait for the host (default 30)'
      '--to' = 'pipe: send each line only to this member'
      '--until-delivered' = 'pipe: wait until delivered to all'
      '--give-up-after' = 'reconnect for this long (pipe: 60; else no limit)'
      '--no-reconnect' = 'leave when the connection is lost'
      '--accept-from' = 'save files without asking, from verified or all'
      '--download-dir' = 'save files there (Downloads/lanchat or ./lanchat)'
      '--max-file' = 'refuse larger offers, as in 100M or 2G'
      '--log' = 'append messages and notices to this file'
      '--log-encrypted' = 'encrypt the log under a passphrase'
      '--log-max' = 'move the log to FILE.1 at this size (default 64)'
      '--plain' = 'plain lines: no colors, no redrawing'
      '--quiet' = 'hide joins and leaves; in a pipe, all notices'
      '--no-notify' = 'no bell and no desktop notification'
      '--no-title' = 'do not change the window title'
      '--json' = 'read and write JSON Lines'
      '--help' = 'show this help'
    }
    'send' = [ordered]@{
      '--via-creds' = 'credentials file for the NATS server'
      '--name' = 'your name (default: login name or a made-up one)'
      '--host-key' = 'require this fingerprint of the host'
      '--accept-host' = 'require it, even if another host is known'
      '--identity' = 'identity file; created if missing'
      '--profile' = 'use another identity; created if missing'
      '--to' = 'offer the files only to this member'
      '--name-as' = 'name for what comes from standard input'
      '--wait' = 'wait for a member, or for --to (default 0)'
      '--timeout' = 'wait this long for people to accept (default 300)'
      '--give-up-after' = 'reconnect for this long (pipe: 60; else no limit)'
      '--no-reconnect' = 'leave when the connection is lost'
      '--plain' = 'plain lines: no colors, no redrawing'
      '--quiet' = 'hide joins and leaves; in a pipe, all notices'
      '--json' = 'write JSON Lines'
      '--help' = 'show this help'
    }
    'scan' = [ordered]@{
      '--timeout' = 'wait this long for answers (default 3)'
      '--identity' = 'identity file; created if missing'
      '--profile' = 'use another identity; created if missing'
      '--json' = 'write JSON Lines'
      '--help' = 'show this help'
    }
    'doctor' = [ordered]@{
      '--port' = 'TCP port to listen on; 0 picks a free one (default 12345)'
      '--via-creds' = 'credentials file for the NATS server'
      '--timeout' = 'time limit for each check (default 3)'
      '--identity' = 'identity file; created if missing'
      '--profile' = 'use another identity; created if missing'
      '--json' = 'write JSON Lines'
      '--help' = 'show this help'
    }
    'id' = [ordered]@{
      'new' = 'new'
      'export' = 'export'
      'import' = 'import'
      '--passphrase' = 'set or change its passphrase'
      '--no-passphrase' = 'remove its passphrase'
      '--identity' = 'identity file; created if missing'
      '--profile' = 'use another identity; created if missing'
      '--yes' = 'replace the identity without asking'
      '--json' = 'write JSON Lines'
      '--help' = 'show this help'
    }
    'peers' = [ordered]@{
      'hosts' = 'hosts'
      'forget' = 'forget'
      'export' = 'export'
      'import' = 'import'
      '--identity' = 'identity file; created if missing'
      '--profile' = 'use another identity; created if missing'
      '--json' = 'write JSON Lines'
      '--help' = 'show this help'
    }
    'log' = [ordered]@{
      '--help' = 'show this help'
    }
    'config' = [ordered]@{
      'serve' = 'serve'
      'join' = 'join'
      'send' = 'send'
      'scan' = 'scan'
      'doctor' = 'doctor'
      'id' = 'id'
      'peers' = 'peers'
      'log' = 'log'
      'config' = 'config'
      'completions' = 'completions'
      'help' = 'help'
      '--json' = 'write JSON Lines'
      '--help' = 'show this help'
    }
    'completions' = [ordered]@{
      'bash' = 'bash'
      'zsh' = 'zsh'
      'fish' = 'fish'
      'powershell' = 'powershell'
      '--help' = 'show this help'
    }
    'help' = [ordered]@{
      'serve' = 'serve'
      'join' = 'join'
      'send' = 'send'
      'scan' = 'scan'
      'doctor' = 'doctor'
      'id' = 'id'
      'peers' = 'peers'
      'log' = 'log'
      'config' = 'config'
      'completions' = 'completions'
      'help' = 'help'
      '--help' = 'show this help'
    }
  }
  $valued = @('--port', '--host', '--via', '--via-creds', '--name', '--allow', '--room', '--host-key', '--accept-host', '--timeout', '--identity', '--profile', '--max-members', '--max-handshakes', '--max-per-address', '--max-waiting', '--max-queue', '--max-memory', '--max-rate', '--keep-seat', '--wait', '--to', '--name-as', '--give-up-after', '--accept-from', '--download-dir', '--max-file', '--log', '--log-max')
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
