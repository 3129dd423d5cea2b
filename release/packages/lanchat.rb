class Lanchat < Formula
  desc "End-to-end encrypted chat for the people on one network"
  homepage "@REPOSITORY@"
  version "@VERSION@"
  license "MIT"

  on_macos do
    on_arm do
      url "@URL_MACOS_ARM64@"
      sha256 "@SHA256_MACOS_ARM64@"
    end
    on_intel do
      url "@URL_MACOS_X64@"
      sha256 "@SHA256_MACOS_X64@"
    end
  end

  on_linux do
    on_arm do
      url "@URL_LINUX_ARM64@"
      sha256 "@SHA256_LINUX_ARM64@"
    end
    on_intel do
      url "@URL_LINUX_X64@"
      sha256 "@SHA256_LINUX_X64@"
    end
  end

  def install
    bin.install "lanchat"
    man1.install "lanchat.1"
    bash_completion.install "completions/lanchat.bash" => "lanchat"
    zsh_completion.install "completions/_lanchat"
    fish_completion.install "completions/lanchat.fish"
  end

  test do
    assert_match "lanchat #{version} ", shell_output("#{bin}/lanchat --version")
  end
end
