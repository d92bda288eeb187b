# One Rust toolchain for this machine and for WebAssembly, from Debian's packages. Needs root; doing it again changes nothing.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
packages="rustc-web cargo-web rust-web-src rust-web-clippy rustfmt-web"
[ "$(id -u)" = 0 ] || { echo "as root: apt-get install $packages, then run this again"; exit 1; }
missing=""
for package in $packages; do dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"; done
if [ -n "$missing" ]; then apt-get update -qq; apt-get install -y -qq --no-install-recommends $missing; fi

# The linker of the same LLVM as the compiler, under the name that the target asks for.
llvm=$(/usr/bin/rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
if [ ! -x "/usr/lib/llvm-$llvm/bin/lld" ]; then
  apt-get update -qq; apt-get install -y -qq --no-install-recommends "lld-$llvm"
fi
host=$(/usr/bin/rustc -vV | sed -n 's/^host: //p')
libraries=/usr/lib/rustlib
mkdir -p "$libraries/$host/bin"
ln -sfn "/usr/lib/llvm-$llvm/bin/lld" "$libraries/$host/bin/rust-lld"

# The standard library for WebAssembly, once for each version of the compiler.
target=$libraries/wasm32-unknown-unknown
stamp="$(/usr/bin/rustc -vV | tr '\n' ';')"
if [ "$(cat "$target/.stamp" 2>/dev/null || true)" != "$stamp" ]; then
  build=$(mktemp -d)
  mkdir -p "$build/src" "$build/new/lib"
  : > "$build/src/lib.rs"
  printf '[package]\nname="probe"\nversion="0.0.0"\nedition="2024"\n[workspace]\n[profile.release]\nopt-level=3\nlto=false\ncodegen-units=1\n' > "$build/Cargo.toml"
  (cd "$build"; env -u RUSTUP_TOOLCHAIN RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Cembed-bitcode=yes" CARGO_TARGET_DIR="$build/target" \
    /usr/bin/cargo build --release --target wasm32-unknown-unknown -Zbuild-std=std,panic_abort,panic_unwind,proc_macro,test)
  for file in "$build"/target/wasm32-unknown-unknown/release/deps/*.rlib; do
    case $file in *libprobe-*) ;; *) install -m644 "$file" "$build/new/lib/" ;; esac
  done
  printf %s "$stamp" > "$build/new/.stamp"
  # Replaced whole: two builds of the library side by side would be an error.
  rm -rf "$target"
  mv "$build/new" "$target"
  rm -rf "$build"
fi
rustup toolchain list | grep -q '^debian\b' || rustup toolchain link debian /usr
