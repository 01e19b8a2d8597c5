# Makes a history of 500 commits in ./source, packs it, clones it, and prints what must be the same everywhere.
# Dates and contents are fixed, so that hashes are. The commits run in the foreground one after another.

seq -f 'line %g of a file that grows and changes' 1 400 > text
git init -q -b main source
cd source
git config gc.autoDetach false
git config gc.auto 0
mkdir -p src docs

commit() { # minute of the commit, message
  export GIT_AUTHOR_DATE="$((1700000000 + $1 * 60)) +0000" GIT_COMMITTER_DATE="$((1700000000 + $1 * 60)) +0000"
  git commit -q --allow-empty -a -m "$2"
}

for i in $(seq 1 500); do
  file=src/part$((i % 40)).txt
  if [ $((i % 40)) = 1 ]; then cat ../text > "docs/page$i.md"; git add docs; fi
  printf 'change %d %s\n' "$i" "$((i * i))" >> "$file"
  sed "s/line $((i % 400 + 1)) /line $i changed /" ../text | head -n $((100 + i % 300)) > src/main.txt
  if [ "$i" -le 40 ]; then git add src; fi
  commit "$i" "change $i"
  if [ $((i % 100)) = 50 ]; then git branch "topic$i"; fi
done

for topic in topic50 topic250; do
  git checkout -q "$topic"
  printf 'on %s\n' "$topic" > "$topic.txt"
  git add "$topic.txt"
  commit 600 "on $topic"
  git checkout -q main
  git merge -q --no-edit "$topic"
done
git tag v1
git tag -a -m 'annotated' v2

echo "head $(git rev-parse HEAD)"
git -c pack.threads=4 gc --quiet --aggressive --prune=now
git fsck --strict --full --no-dangling
echo "objects $(git rev-list --objects --all | sort | sha256sum)"
echo "contents $(git cat-file --batch-all-objects --batch | sha256sum)"
git count-objects -v | grep -E '^(count|in-pack|packs|garbage)'

cd ..
git clone -q --no-local source clone
git -C clone -c index.threads=4 checkout -q -b work HEAD~50
git -C clone -c core.preloadIndex=true status --porcelain --branch
echo "clone $(git -C clone rev-list --all | sha256sum)"
git -C clone fsck --full --no-dangling

cd source
git log --stat --format='%h %an %ad %s' --date=iso | sha256sum
git log -p -C --find-copies-harder -n 60 | sha256sum
git blame -s -w -C src/main.txt | sha256sum
git grep --threads 4 -n -e 'changed' v1 -- src | sha256sum
git diff --word-diff HEAD~200 HEAD | sha256sum
git checkout -q -B moved topic450
git rebase -q --onto topic150 HEAD~3 moved 2> ../rebase.log || git rebase --abort
echo "rebased $(git rev-parse moved)"
git checkout -q main
git format-patch -q -5 --stdout --zero-commit v1 | sha256sum
git archive --format=tar v1 | sha256sum
git bundle create -q ../all.bundle --all
git bundle verify -q ../all.bundle 2>&1
git bisect start HEAD HEAD~40 > ../bisect.log
git bisect run sh -c 'test "$(wc -l < src/main.txt)" -lt 200' >> ../bisect.log 2>&1
sha256sum < ../bisect.log
git bisect reset 2> ../bisect.log
echo "end $(git rev-parse main)"
