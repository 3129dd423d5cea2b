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
  $verify = @{
    FilePath = 'ssh-keygen'
    ArgumentList = '-Y verify -f allowed_signers -I lanchat -n lanchat-release -s SHA256SUMS.sig'
    WorkingDirectory = $Work
    RedirectStandardInput = "$Work\SHA256SUMS"
    RedirectStandardOutput = "$Work\verdict"
    RedirectStandardError = "$Work\reason"
    NoNewWindow = $true
    PassThru = $true
    Wait = $true
  }
  if ((Start-Process @verify).ExitCode -ne 0) {
    throw 'The signature of SHA256SUMS is wrong. Nothing was installed.'
  }
}

function Confirm-Checksum([string]$File, [string]$Sum) {
  if ((Get-FileHash -Algorithm SHA256 -Path $File).Hash -ne $Sum) {
    throw "The checksum of $(Split-Path -Leaf $File) is wrong. Nothing was installed."
  }
}

# The version of a program; nothing if it does not run.
function Get-ProgramVersion([string]$Program) {
  if (-not (Test-Path $Program)) { return }
  try { $line = & $Program --version } catch { return }
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
  New-Item -ItemType Directory -Force -Path $work | Out-Null
  try {
    Get-ReleaseFile 'SHA256SUMS' $Version $work
    Get-ReleaseFile 'SHA256SUMS.sig' $Version $work
    Confirm-Signature $work
    $pattern = "^([0-9a-f]{64})  (lanchat-(\d+\.\d+\.\d+)-$Target)\.zip$"
    $entry = Get-Content "$work\SHA256SUMS" | Where-Object { $_ -match $pattern } | Select-Object -First 1
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
    Expand-Archive -Path "$work\$package.zip" -DestinationPath $work
    if ((Get-ProgramVersion "$work\$package\lanchat.exe") -ne $new) {
      throw "lanchat $new does not run on this system. Nothing was installed."
    }
    try {
      Move-Item -Force "$work\$package\lanchat.exe" "$Directory\lanchat.exe"
    } catch {
      throw "Cannot write $Directory\lanchat.exe. End lanchat where it runs, and try again."
    }
    $replaced = if ($old) { ", in place of $old" }
    Write-Output "lanchat $new is installed in $Directory$replaced."
    Write-PathHint
  } finally {
    Remove-Item -Recurse -Force $work
  }
}

# Says what is in the way of typing `lanchat`.
function Write-PathHint {
  if (($env:Path -split ';') -contains $Directory) {
    Write-Output 'To begin, type: lanchat'
    return
  }
  Write-Output 'To find it, run this line, and open another window:'
  Write-Output "  [Environment]::SetEnvironmentVariable('Path', [Environment]::GetEnvironmentVariable('Path', 'User') + ';$Directory', 'User')"
}

function Uninstall-Lanchat {
  $program = "$Directory\lanchat.exe"
  if (-not (Test-Path $program)) { throw "lanchat is not installed in $Directory." }
  try {
    Remove-Item -Force $program
  } catch {
    throw "Cannot remove $program. End lanchat where it runs, and try again."
  }
  if (-not (Get-ChildItem -Force $Directory)) { Remove-Item -Force $Directory }
  Write-Output "Removed lanchat from $Directory."
  $kept = "$env:APPDATA\lanchat"
  if (Test-Path $kept) { Write-Output "Your identity and the people you have met are still in $kept." }
}

function Invoke-Main {
  # In a function, these hold only for it, also under `iex`.
  Set-StrictMode -Version 3.0
  $ErrorActionPreference = 'Stop'
  # The bar slows Windows PowerShell down.
  $ProgressPreference = 'SilentlyContinue'
  [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
  if ($Uninstall) { Uninstall-Lanchat } else { Install-Lanchat }
}

try {
  Invoke-Main
} catch {
  Write-Host -ForegroundColor Red "install.ps1: error: $($_.Exception.Message)"
  # Under `iex`, it would close the window.
  if ($PSCommandPath) { exit 1 }
}
