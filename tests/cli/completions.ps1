# Completions of lanchat for PowerShell: add this to $PROFILE.
Register-ArgumentCompleter -Native -CommandName lanchat -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $completions = @{
    '' = [ordered]@{
      'serve' = 'host a room, and chat in it'
      'join' = 'enter a room'
      'scan' = 'list the rooms on this network'
      'doctor' = 'find out what keeps people apart'
      'id' = 'show or protect your identity'
      'peers' = 'show whom you have met'
      'log' = 'print a log that --log has made'
      'completions' = 'print completions for a shell'
      'help' = 'explain a command'
      '--help' = 'show this text'
      '--version' = 'show the version'
    }
    'serve' = [ordered]@{
      '--port' = 'TCP port to listen on, 0 for a free one (default 12345)'
      '--host' = 'listen on this IP address alone'
      '--name' = 'your name in the room (default: your login name)'
      '--invite' = 'let in who has an invite, and nobody else'
      '--new-room' = 'begin another room: no invite of before holds, bans do'
      '--allow' = 'let in those whose fingerprints are in this file alone'
      '--room' = 'a name for the room, shown to the whole network'
      '--no-announce' = 'others join by address alone'
      '--relay-only' = 'host without being a member of the room'
      '--identity' = 'identity file, made if it is not there'
      '--profile' = 'one of several identities, made if not there'
      '--max-members' = 'how many may be in the room (default 1024)'
      '--max-handshakes' = 'how many may join at once, and in a second (default 32)'
      '--max-per-address' = 'how many of one address (default 8; this machine 24)'
      '--max-waiting' = 'how many more may wait to join (default 64)'
      '--max-queue' = 'what may wait for one whose link is lost (default 4)'
      '--max-memory' = 'what may wait for all members (default 64)'
      '--max-rate' = 'what one member may send in a second (default 64)'
      '--keep-seat' = 'how long to wait for who lost the link (default 10)'
      '--log' = 'append to this file what is shown and said'
      '--log-encrypted' = 'seal that file under a passphrase'
      '--log-max' = 'move it to FILE.1 at this size (default 64)'
      '--plain' = 'plain lines: no colours, nothing drawn anew'
      '--no-notify' = 'no bell and no notification'
      '--json' = 'read and write JSON Lines'
      '--help' = 'show this text'
    }
    'join' = [ordered]@{
      '--name' = 'your name in the room (default: your login name)'
      '--host-key' = 'accept no host but that with this fingerprint'
      '--accept-host' = 'the same, even where another host is known'
      '--identity' = 'identity file, made if it is not there'
      '--profile' = 'one of several identities, made if not there'
      '--listen' = 'ignore input, show messages until interrupted'
      '--wait' = 'piped input: wait so long for somebody (default 0)'
      '--timeout' = 'piped input: wait so long for the host (default 30)'
      '--until-delivered' = 'piped input: wait until everybody has it'
      '--give-up-after' = 'how long to try again (pipe: 60, else for ever)'
      '--no-reconnect' = 'end when the connection is lost'
      '--log' = 'append to this file what is shown and said'
      '--log-encrypted' = 'seal that file under a passphrase'
      '--log-max' = 'move it to FILE.1 at this size (default 64)'
      '--plain' = 'plain lines: no colours, nothing drawn anew'
      '--no-notify' = 'no bell and no notification'
      '--json' = 'read and write JSON Lines'
      '--help' = 'show this text'
    }
    'scan' = [ordered]@{
      '--timeout' = 'how long to wait for answers (default 3)'
      '--identity' = 'identity file, made if it is not there'
      '--profile' = 'one of several identities, made if not there'
      '--json' = 'write JSON Lines'
      '--help' = 'show this text'
    }
    'doctor' = [ordered]@{
      '--port' = 'TCP port to listen on, 0 for a free one (default 12345)'
      '--timeout' = 'how long each check may take (default 3)'
      '--identity' = 'identity file, made if it is not there'
      '--profile' = 'one of several identities, made if not there'
      '--json' = 'write JSON Lines'
      '--help' = 'show this text'
    }
    'id' = [ordered]@{
      'new' = 'new'
      'export' = 'export'
      'import' = 'import'
      '--passphrase' = 'put it under a passphrase, or under another one'
      '--no-passphrase' = 'put it under no passphrase any more'
      '--identity' = 'identity file, made if it is not there'
      '--profile' = 'one of several identities, made if not there'
      '--yes' = 'start over, or import, without being asked'
      '--json' = 'write JSON Lines'
      '--help' = 'show this text'
    }
    'peers' = [ordered]@{
      'forget' = 'forget'
      'export' = 'export'
      'import' = 'import'
      '--identity' = 'identity file, made if it is not there'
      '--profile' = 'one of several identities, made if not there'
      '--json' = 'write JSON Lines'
      '--help' = 'show this text'
    }
    'log' = [ordered]@{
      '--help' = 'show this text'
    }
    'completions' = [ordered]@{
      'bash' = 'bash'
      'zsh' = 'zsh'
      'fish' = 'fish'
      'powershell' = 'powershell'
      '--help' = 'show this text'
    }
    'help' = [ordered]@{
      'serve' = 'serve'
      'join' = 'join'
      'scan' = 'scan'
      'doctor' = 'doctor'
      'id' = 'id'
      'peers' = 'peers'
      'log' = 'log'
      'completions' = 'completions'
      'help' = 'help'
      '--help' = 'show this text'
    }
  }
  $valued = @('--port', '--host', '--name', '--allow', '--room', '--host-key', '--accept-host', '--timeout', '--identity', '--profile', '--max-members', '--max-handshakes', '--max-per-address', '--max-waiting', '--max-queue', '--max-memory', '--max-rate', '--keep-seat', '--wait', '--give-up-after', '--log', '--log-max')
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
