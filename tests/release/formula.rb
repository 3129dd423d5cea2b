# Prints what a formula takes and installs on one system, as JSON: ruby formula.rb FORMULA macos|linux arm|intel
require "json"

SYSTEM, PROCESSOR = ARGV[1], ARGV[2]
INSTALLED = {}

# The part of Homebrew that the formula uses.
class Formula
  class << self
    %w[desc homepage version license url sha256].each do |field|
      define_method(field) do |value = nil|
        @fields ||= {}
        value.nil? ? @fields[field] : @fields[field] = value
      end
    end
    attr_reader :fields

    def on_macos = SYSTEM == "macos" && yield
    def on_linux = SYSTEM == "linux" && yield
    def on_arm = PROCESSOR == "arm" && yield
    def on_intel = PROCESSOR == "intel" && yield
    def test = nil
  end

  Place = Struct.new(:name) do
    def install(file)
      from, to = file.is_a?(Hash) ? file.first : [file, File.basename(file)]
      INSTALLED[from] = "#{name}/#{to}"
    end
  end

  %w[bin man1 bash_completion zsh_completion fish_completion].each do |place|
    define_method(place) { Place.new(place) }
  end
end

load ARGV[0]
Lanchat.new.install
puts JSON.generate(Lanchat.fields.merge("installed" => INSTALLED))
