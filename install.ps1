<#
.SYNOPSIS
Installs lanchat for the current user, updates it, or removes it. docs/INSTALL.md says how to run it.
.DESCRIPTION
Nothing that it downloads runs before the signature of the checksums and the checksum of the archive are verified.
Everything is in functions, so that a script that was cut off does nothing.
#>
param(
  # The version to install; the latest one by default.
  [string]$Version = 'latest',
  # Where lanchat.exe goes.
  [string]$Directory = "$env:LOCALAPPDATA\Programs\lanchat",
  # Removes lanchat.
  [switch]$Uninstall
)

# To be set at the first release, as in install.sh and release/publisher.ts.
$Owner = 'OWNER'
$Releases = "https://github.com/$Owner/lanchat/releases"
$Key = 'ssh-ed25519 KEY'

$Target = 'windows-x64'

function Get-ReleaseFile([string]$Name, [string]$Release, [string]$Work) {
  $path = if ($Release -eq 'latest') { 'latest/download' } else { "download/v$Release" }
  $url = "$Releases/$path/$Name"
  try {
    Invoke-WebRequest -UseBasicParsing -Uri $url -OutFile "$Work\$Name"
  } catch {
    throw "Cannot download ${url}: $($_.Exception.Message)"
  }
}

function Confirm-Signature([string]$Work) {
  # Without a byte order mark, which ssh-keygen does not know.
  [IO.File]::WriteAllText("$Work\allowed_signers", "lanchat namespaces=`"lanchat-release`" $Key`n")
  Push-Location -LiteralPath $Work
  try {
    # cmd hands it the bytes of the file; a pipe of PowerShell would change its line ends.
    $verdict = cmd.exe /d /c 'ssh-keygen -Y verify -f allowed_signers -I lanchat -n lanchat-release -s SHA256SUMS.sig <SHA256SUMS 2>&1'
  } finally {
    Pop-Location
  }
  if ($LASTEXITCODE -ne 0) {
    throw "The signature of SHA256SUMS is wrong ($($verdict | Select-Object -First 1)). Nothing was installed."
  }
}

# .NET does the work of Get-FileHash and Expand-Archive: these are script modules, which Windows PowerShell does not
# find where a program of PowerShell 7 started it.
function Confirm-Checksum([string]$File, [string]$Sum) {
  $stream = [IO.File]::OpenRead($File)
  try {
    $hash = [Security.Cryptography.SHA256]::Create().ComputeHash($stream)
  } finally {
    $stream.Dispose()
  }
  if ([BitConverter]::ToString($hash).Replace('-', '') -ne $Sum) {
    throw "The checksum of $(Split-Path -Leaf $File) is wrong. Nothing was installed."
  }
}

# The version of a program; nothing if it does not run.
function Get-ProgramVersion([string]$Program) {
  if (-not (Test-Path -LiteralPath $Program)) { return }
  try { $line = & $Program --version | Select-Object -First 1 } catch { return }
  if ($line -match '^lanchat (\d+\.\d+\.\d+) ') { $Matches[1] }
}

function Install-Lanchat {
  if (-not $Key.StartsWith('ssh-ed25519 AAAA')) {
    throw 'There is no release yet. Run lanchat from source.'
  }
  if (-not [Environment]::Is64BitOperatingSystem) { throw 'There is no binary for a 32-bit Windows.' }
  if (-not (Get-Command -CommandType Application ssh-keygen -ErrorAction SilentlyContinue)) {
    throw 'Cannot verify the release: ssh-keygen is missing. Nothing was installed. Add the optional feature "OpenSSH Client" in the settings of Windows.'
  }
  # Beside the program, so that it moves there in one step.
  $work = "$Directory\.download-$([guid]::NewGuid())"
  try {
    New-Item -ItemType Directory -Force -Path $work | Out-Null
  } catch {
    throw "Cannot write into $Directory. Choose another directory with -Directory."
  }
  try {
    Get-ReleaseFile 'SHA256SUMS' $Version $work
    Get-ReleaseFile 'SHA256SUMS.sig' $Version $work
    Confirm-Signature $work
    $pattern = "^([0-9a-f]{64})  (lanchat-(\d+\.\d+\.\d+)-$Target)\.zip$"
    $entry = Get-Content -LiteralPath "$work\SHA256SUMS" | Where-Object { $_ -match $pattern } | Select-Object -First 1
    if (-not ($entry -match $pattern)) { throw "The release has no binary for $Target." }
    $sum, $package, $new = $Matches[1], $Matches[2], $Matches[3]
    $old = Get-ProgramVersion "$Directory\lanchat.exe"
    if ($Version -eq 'latest') {
      if ($old -eq $new) {
        Write-Output "lanchat $old is installed in $Directory, and is the latest version."
        return
      }
      # A signed list stays valid: without this, a false server could bring an old fault back.
      if ($old -and [version]$new -lt [version]$old) {
        throw "The release ($new) is older than the installed lanchat ($old). To go back, add -Version $new."
      }
    } elseif ($new -ne $Version) {
      throw "The server has version $new under the name of $Version. Nothing was installed."
    }
    Get-ReleaseFile "$package.zip" $new $work
    Confirm-Checksum "$work\$package.zip" $sum
    Add-Type -AssemblyName System.IO.Compression.FileSystem
    [IO.Compression.ZipFile]::ExtractToDirectory("$work\$package.zip", $work)
    if ((Get-ProgramVersion "$work\$package\lanchat.exe") -ne $new) {
      throw "lanchat $new does not run on this system. Nothing was installed."
    }
    try {
      Move-Item -Force -LiteralPath "$work\$package\lanchat.exe" -Destination "$Directory\lanchat.exe"
    } catch {
      throw "Cannot write $Directory\lanchat.exe. End lanchat where it runs, and try again."
    }
    $replaced = if ($old) { ", in place of $old" }
    Write-Output "lanchat $new is installed in $Directory$replaced."
    Write-PathHint
  } finally {
    # A scanner may still read a file there, which must not hide the error.
    Remove-Item -Recurse -Force -ErrorAction SilentlyContinue -LiteralPath $work
  }
}

# Says what is in the way of typing `lanchat`.
function Write-PathHint {
  if (($env:Path -split ';').TrimEnd('\') -contains $Directory.TrimEnd('\')) {
    Write-Output 'To begin, type: lanchat'
    return
  }
  Write-Output 'To find it, run this line, and open another window:'
  Write-Output "  [Environment]::SetEnvironmentVariable('Path', [Environment]::GetEnvironmentVariable('Path', 'User') + ';$($Directory.Replace("'", "''"))', 'User')"
}

function Uninstall-Lanchat {
  $program = "$Directory\lanchat.exe"
  if (-not (Test-Path -LiteralPath $program)) { throw "lanchat is not installed in $Directory." }
  try {
    Remove-Item -Force -LiteralPath $program
  } catch {
    throw "Cannot remove $program. End lanchat where it runs, and try again."
  }
  if (-not (Get-ChildItem -Force -LiteralPath $Directory)) { Remove-Item -Force -LiteralPath $Directory }
  Write-Output "Removed lanchat from $Directory."
  $kept = "$env:APPDATA\lanchat"
  if (Test-Path -LiteralPath $kept) { Write-Output "Your identity and the people you have met are still in $kept." }
}

function Invoke-Main {
  # In a function, these hold only for it, also under `iex`.
  Set-StrictMode -Version 3.0
  $ErrorActionPreference = 'Stop'
  # The bar slows Windows PowerShell down.
  $ProgressPreference = 'SilentlyContinue'
  # PowerShell 7 can throw where a program fails, before this script says what is wrong.
  $PSNativeCommandUseErrorActionPreference = $false
  [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
  $Version = $Version -replace '^v'
  # .NET has a working directory of its own.
  $Directory = $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Directory)
  if ($Uninstall) { Uninstall-Lanchat } else { Install-Lanchat }
}

try {
  Invoke-Main
} catch {
  Write-Host -ForegroundColor Red "install.ps1: error: $($_.Exception.Message)"
  # Under `iex`, it would close the window.
  if ($PSCommandPath) { exit 1 }
}
