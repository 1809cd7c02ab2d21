#!/usr/bin/env bash
# Makes dist/whodunit_VERSION_amd64.deb and dist/whodunit-VERSION-linux-x86_64.tar.gz from build/. Both carry DuckDB's library, the country table
# and our tables; the tarball also the shared libraries that a bare Debian 12 lacks, so that it runs from any folder.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
version=$(./build/whodunit --version | awk '{print $2}')
deps=${WHODUNIT_DEPS:-${XDG_CACHE_HOME:-$HOME/.cache}/whodunit/deps}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p dist
command -v patchelf >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends patchelf >/dev/null

share() {  # share FOLDER: what the program reads at run time
  mkdir -p "$1"
  cp -r build/share/whodunit/. "$1/" 2>/dev/null || true
  [ -e "$1/geo-whois-asn-country.mmdb" ] || cp "$deps/geo/geo-whois-asn-country.mmdb" "$1/"
}

# --- the Debian package
root=$work/deb
install -Dm755 build/whodunit "$root/usr/bin/whodunit"
install -Dm644 build/lib/libduckdb.so "$root/usr/lib/whodunit/libduckdb.so"
strip "$root/usr/bin/whodunit"
patchelf --set-rpath '$ORIGIN/../lib/whodunit' "$root/usr/bin/whodunit"
share "$root/usr/share/whodunit"
mkdir -p "$root/usr/share/doc/whodunit"
cp README.md NOTICE "$root/usr/share/doc/whodunit/"; cp LICENSE "$root/usr/share/doc/whodunit/copyright"; cp -r docs "$root/usr/share/doc/whodunit/docs"
mkdir -p "$work/debian" "$root/DEBIAN"; : >"$work/debian/control"
printf 'Source: whodunit\n\nPackage: whodunit\nArchitecture: amd64\n' >"$work/debian/control"
needs=$(cd "$work" && dpkg-shlibdeps -O --ignore-missing-info -l"$root/usr/lib/whodunit" "$root/usr/bin/whodunit" 2>/dev/null | sed -n 's/^shlibs:Depends=//p')
cat >"$root/DEBIAN/control" <<EOF
Package: whodunit
Version: $version
Architecture: amd64
Maintainer: The Whodunit authors <maintainers@whodunit.example>
Depends: $needs
Section: net
Priority: optional
Description: What happened on the wire, was it an attack, who did it
 Reads captures and answers with evidence down to the packet: what happened, was it an attack, how far
 did they get, is it part of something larger, who did it, and how sure can we be. It only listens.
EOF
dpkg-deb --root-owner-group --build "$root" "dist/whodunit_${version}_amd64.deb" >/dev/null

# --- the tarball
name=whodunit-$version-linux-x86_64
root=$work/$name
install -Dm755 build/whodunit "$root/bin/whodunit"
strip "$root/bin/whodunit"
mkdir -p "$root/lib/whodunit"
cp build/lib/libduckdb.so "$root/lib/whodunit/"
# All shared libraries but those of the C and C++ run time, which every Debian 12 has.
ldd build/whodunit | awk '/=> \//{print $3}' | grep -vE '/(libc|libm|libpthread|libdl|librt|ld-linux[^/]*|libgcc_s|libstdc\+\+|libduckdb)\.so' | while read -r lib; do cp -L "$lib" "$root/lib/whodunit/"; done
for lib in "$root"/lib/whodunit/*.so*; do patchelf --set-rpath '$ORIGIN' "$lib"; done
patchelf --set-rpath '$ORIGIN/../lib/whodunit' "$root/bin/whodunit"
share "$root/share/whodunit"
cp -r README.md LICENSE NOTICE docs "$root/"
tar czf "dist/$name.tar.gz" -C "$work" "$name"
ls -l dist
