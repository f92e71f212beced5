#!/bin/sh
# An installed gmc: what it proposes works from any folder, its pages' links hold, and uninstalling takes away what was installed
# and nothing else.
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"
root=$OLDPWD
target() { make --no-print-directory -C "$root" "$1" DESTDIR="$scratch/image" PREFIX=/opt/g; }
# data of any kind may lie beside those that are shipped: folders of pictures, of any name
mkdir "$root/models/data/any folder.$$" && trap 'rm -rf "$root/models/data/any folder.$$" "$scratch"' EXIT
mkdir "$root/models/data/any folder.$$/a class" && echo picture >"$root/models/data/any folder.$$/a class/its \"first\".png"
tree() { (cd image && find . | sort); }

mkdir -p image/opt/g/bin image/opt/g/share/gmc/models elsewhere
echo kept >image/opt/g/bin/gmcc
echo kept >image/opt/g/share/gmc/models/mine.gm
tree >before
holds 'there is nothing to uninstall yet' test "$(target uninstall >/dev/null 2>&1; echo $?)" != 0
holds 'it installs' target install
holds 'the same again' target install
share=$scratch/image/opt/g/share/gmc
for page in README.md LICENSE grammar/LANGUAGE.md models/README.md models/cvae.yaml models/flower.gm; do
  holds "$page is installed" cmp "$root/$page" "$share/$page"
done

holds 'data of any depth and name are installed' test -f "$share/models/data/any folder.$$/a class/its \"first\".png"

# links of the installed pages, but for those to the web and within a page
find "$share" -name '*.md' | while read -r page; do
  grep -o '](\([^)#:]*\)[)#]' "$page" | sed 's/^](//; s/[)#]$//' | while read -r link; do
    [ -z "$link" ] || [ -e "$(dirname "$page")/$link" ] || echo "$page: $link"
  done
done >dangling
holds "no link dangles: $(cat dangling)" test ! -s dangling

# the first command that is proposed
checkout=$gmc
gmc=$scratch/image/opt/g/bin/gmc
cd elsewhere || exit 1
"$gmc" >help 2>err
first=$(sed -n 's/.*Begin with: gmc run //p' help)
holds 'an installed model is proposed' test -f "$first"
says 0 'runs/cvae' run "$first" --steps 2 --batch 8
says 66 "did you mean $first" run models/cvae.gm
holds 'in a checkout its own is proposed' sh -c "cd '$root' && '$checkout' | grep -q 'Begin with: gmc run models/cvae.gm$'"
cd "$scratch" || exit 1

holds 'it uninstalls' target uninstall
tree >after
holds 'as it was before' diff before after
finish
