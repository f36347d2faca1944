#!/bin/sh
# Makes .services/snac, a real server with Mastodon's API that tests/services/mastodon talks to. Takes a `snac` that is
# on the PATH, else the package of Debian 13 by apt, without installing it: it also runs on Debian 12 and on Ubuntu
# 22.04 and newer. Run it from the repository's root; a second run changes nothing.
set -eu
version=2.75
folder=.services/snac

is_right() {
    "$1" 2>&1 | head -1 | grep -q "^snac $version "
}

if [ -f "$folder/complete" ] && is_right "$folder/snac"
then
    exit 0
fi
rm -rf "$folder"
mkdir -p "$folder/apt/lists/partial" "$folder/apt/cache/archives/partial" "$folder/apt/sources"
if command -v snac >/dev/null && is_right "$(command -v snac)"
then
    cp "$(command -v snac)" "$folder/snac"
else
    # From where this machine gets its own packages: the archive of Debian has all releases side by side.
    archive=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -1)
    cat > "$folder/apt/sources/trixie.sources" <<SOURCES
Types: deb
URIs: $archive
Suites: trixie
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
SOURCES
    here=$(pwd)/$folder/apt
    options="-qq -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts=$here/sources
        -o Dir::State::lists=$here/lists -o Dir::Cache=$here/cache -o APT::Sandbox::User=root"
    # shellcheck disable=SC2086
    apt-get $options update
    # shellcheck disable=SC2086
    (cd "$here" && apt-get $options download snac2)
    dpkg-deb --extract "$here"/snac2_*.deb "$here/package"
    cp "$here/package/usr/bin/snac" "$folder/snac"
fi
rm -rf "$folder/apt"
is_right "$folder/snac"
touch "$folder/complete"
