// Judges a ledger folder with code that others wrote: Tessera's fsck and client, the transparency-dev formats, and Go's own sumdb packages.
// Nothing of Sealwright runs here. What those libraries leave open, this program compares byte for byte with what they would write.
// Prints one JSON line for each log, older checkpoint, proof and list of paths that holds; each objection is a line on standard error, and the end is 1.
package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/formats/proof"
	merkle "github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/api/layout"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// fsck stops one worker at each tile that differs and waits for ever once none is left; a flipped bit shows in a handful of tiles.
const fsckWorkers = 64

// head is a checkpoint whose signature and text were checked.
type head struct {
	Origin string `json:"origin"`
	Size   uint64 `json:"size"`
	root   []byte
	note   []byte
}

// readHead opens a signed note with Go's sumdb code, and insists that text and signature line are the bytes that the formats package and the specification give.
func readHead(raw []byte, key note.Verifier) (head, error) {
	opened, err := note.Open(raw, note.VerifierList(key))
	if err != nil {
		return head{}, err
	}
	origin, _, _ := strings.Cut(opened.Text, "\n")
	checkpoint, extension, _, err := log.ParseCheckpoint(raw, origin, key)
	if err != nil {
		return head{}, err
	}
	if len(extension) > 0 || string(checkpoint.Marshal()) != opened.Text {
		return head{}, fmt.Errorf("the text is not written as a checkpoint of origin, size and root: %q", opened.Text)
	}
	if len(opened.Sigs) != 1 || len(opened.UnverifiedSigs) != 0 {
		return head{}, fmt.Errorf("%d known and %d unknown signatures, not just one", len(opened.Sigs), len(opened.UnverifiedSigs))
	}
	signature := opened.Sigs[0]
	bare, err := base64.StdEncoding.DecodeString(signature.Base64)
	if err != nil || len(bare) != 4+64 || binary.BigEndian.Uint32(bare) != key.KeyHash() {
		return head{}, errors.New("the signature is not a key id and 64 bytes of Ed25519")
	}
	if whole := opened.Text + "\n— " + key.Name() + " " + base64.StdEncoding.EncodeToString(bare) + "\n"; whole != string(raw) {
		return head{}, fmt.Errorf("the note is not written as the specification says: %q", raw)
	}
	return head{Origin: origin, Size: checkpoint.Size, root: checkpoint.Hash, note: raw}, nil
}

// storedAt is a log folder as a log whose newest checkpoint is the given one.
type storedAt struct {
	client.FileFetcher
	checkpoint []byte
}

func (s storedAt) ReadCheckpoint(context.Context) ([]byte, error) { return s.checkpoint, nil }

func entryHashes(bundle []byte) ([][]byte, error) {
	entries := api.EntryBundle{}
	if err := entries.UnmarshalText(bundle); err != nil {
		return nil, err
	}
	hashes := make([][]byte, 0, len(entries.Entries))
	for _, entry := range entries.Entries {
		hashes = append(hashes, rfc6962.DefaultHasher.HashLeaf(entry))
	}
	return hashes, nil
}

// checkTree rebuilds the tree under a checkpoint from its entry bundles, and compares every tile.
func checkTree(folder string, at head, key note.Verifier) error {
	source := storedAt{client.FileFetcher{Root: folder}, at.note}
	return fsck.New(at.Origin, key, source, entryHashes, fsck.Opts{N: fsckWorkers}).Check(context.Background())
}

// row is the number of hashes of a level, or of entries, in a tree.
func row(level uint64, size uint64) uint64 { return size >> (8 * level) }

// checkFile judges one file below `tile/` by itself: its path, its width, its place in the tree, and that what replaced it begins with the same bytes.
func checkFile(folder, path string, size uint64) error {
	level, rest, _ := strings.Cut(strings.TrimPrefix(path, "tile/"), "/")
	entries := level == "entries"
	if entries {
		level = "0"
	}
	l, n, partial, err := layout.ParseTileLevelIndexPartial(level, rest)
	if err != nil {
		return err
	}
	pathOf := func(p uint8) string {
		if entries {
			return layout.EntriesPath(n, p)
		}
		return layout.TilePath(l, n, p)
	}
	if pathOf(partial) != path {
		return fmt.Errorf("its path should be %s", pathOf(partial))
	}
	width := uint64(partial)
	if width == 0 {
		width = layout.TileWidth
	}
	if n*layout.TileWidth+width > row(l, size) {
		return fmt.Errorf("it holds more than a tree of %d leaves has", size)
	}
	content, err := os.ReadFile(filepath.Join(folder, path))
	if err != nil {
		return err
	}
	if entries {
		hashes, err := entryHashes(content)
		if err != nil {
			return err
		}
		if uint64(len(hashes)) != width {
			return fmt.Errorf("%d entries in a bundle of %d", len(hashes), width)
		}
	} else if uint64(len(content)) != width*tlog.HashSize {
		return fmt.Errorf("%d bytes in a tile of %d hashes", len(content), width)
	}
	widest, err := os.ReadFile(filepath.Join(folder, pathOf(layout.PartialTileSize(l, n, size))))
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(widest, content) {
		return errors.New("the wider tile of the same place begins differently")
	}
	return nil
}

// files are the paths below a log's folder that are not folders.
func files(folder string) ([]string, error) {
	found := []string{}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		relative, err := filepath.Rel(folder, path)
		found = append(found, filepath.ToSlash(relative))
		return err
	})
	return found, err
}

type judge struct {
	ledger string
	key    note.Verifier
	newest map[string]head
	failed bool
}

func (j *judge) object(what string, err error) {
	j.failed = true
	fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
}

func (j *judge) tell(what any) {
	line, _ := json.Marshal(what)
	fmt.Println(string(line))
}

func (j *judge) folder(origin string) string { return filepath.Join(j.ledger, "logs", origin) }

func (j *judge) logs() error {
	found, err := files(filepath.Join(j.ledger, "logs"))
	if err != nil {
		return err
	}
	for _, path := range found {
		if origin, isCheckpoint := strings.CutSuffix(path, "/checkpoint"); isCheckpoint {
			j.log(origin)
		}
	}
	return nil
}

func (j *judge) log(origin string) {
	raw, err := os.ReadFile(filepath.Join(j.folder(origin), layout.CheckpointPath))
	if err != nil {
		j.object(origin, err)
		return
	}
	newest, err := readHead(raw, j.key)
	if err == nil && newest.Origin != origin {
		err = fmt.Errorf("the checkpoint is of %s", newest.Origin)
	}
	if err != nil {
		j.object(origin+"/checkpoint", err)
		return
	}
	found, err := files(j.folder(origin))
	whole := err == nil
	if err != nil {
		j.object(origin, err)
	}
	for _, path := range found {
		// What a write that was cut short leaves beside a file is asked for by nobody.
		if path == layout.CheckpointPath || strings.HasSuffix(path, ".tmp") {
			continue
		}
		if err := checkFile(j.folder(origin), path, newest.Size); err != nil {
			j.object(origin+"/"+path, err)
			whole = false
		}
	}
	// fsck reads past the end of a bundle that has too few entries.
	if !whole {
		return
	}
	if err := checkTree(j.folder(origin), newest, j.key); err != nil {
		j.object(origin, err)
		return
	}
	j.newest[origin] = newest
	j.tell(struct {
		Log   head `json:"log"`
		Files int  `json:"files"`
	}{newest, len(found)})
}

// older checks a checkpoint that was published earlier: its own tree from today's files, and that today's tree continues it.
func (j *judge) older(raw []byte) error {
	at, err := readHead(raw, j.key)
	if err != nil {
		return err
	}
	newest, known := j.newest[at.Origin]
	if !known || at.Size > newest.Size {
		return fmt.Errorf("no checkpoint of %s continues it", at.Origin)
	}
	if err := checkTree(j.folder(at.Origin), at, j.key); err != nil {
		return err
	}
	source := client.FileFetcher{Root: j.folder(at.Origin)}
	builder, err := client.NewProofBuilder(context.Background(), newest.Size, source.ReadTile)
	if err != nil {
		return err
	}
	hashes, err := builder.ConsistencyProof(context.Background(), at.Size, newest.Size)
	if err != nil {
		return err
	}
	tree := make(tlog.TreeProof, len(hashes))
	for i, hash := range hashes {
		tree[i] = tlog.Hash(hash)
	}
	if err := tlog.CheckTree(tree, int64(newest.Size), tlog.Hash(newest.root), int64(at.Size), tlog.Hash(at.root)); err != nil {
		return err
	}
	j.tell(struct {
		Older head `json:"older"`
	}{at})
	return nil
}

// proof checks a proof with two Merkle implementations, and that the formats package would have written the same bytes.
func (j *judge) proof(raw []byte) error {
	read := proof.TLogProof{}
	if err := read.Unmarshal(raw); err != nil {
		return err
	}
	if !bytes.Equal(read.Marshal(), raw) {
		return errors.New("the proof is not written as the specification says")
	}
	at, err := readHead(read.Checkpoint, j.key)
	if err != nil {
		return err
	}
	hashes := make([][]byte, len(read.Hashes))
	record := make(tlog.RecordProof, len(read.Hashes))
	for i, hash := range read.Hashes {
		hashes[i] = hash[:]
		record[i] = tlog.Hash(hash)
	}
	leaf := rfc6962.DefaultHasher.HashLeaf(read.ExtraData)
	if err := merkle.VerifyInclusion(rfc6962.DefaultHasher, read.Index, at.Size, leaf, hashes, at.root); err != nil {
		return err
	}
	if err := tlog.CheckRecord(record, int64(at.Size), tlog.Hash(at.root), int64(read.Index), tlog.RecordHash(read.ExtraData)); err != nil {
		return err
	}
	j.tell(struct {
		Proof head   `json:"proof"`
		Index uint64 `json:"index"`
		Leaf  []byte `json:"leaf"`
	}{at, read.Index, read.ExtraData})
	return nil
}

// paths checks a list of tile names against the paths that Tessera gives them.
func (j *judge) paths(raw []byte) error {
	names := []struct {
		Level *uint64
		Index uint64
		Width uint64
		Path  string
	}{}
	if err := json.Unmarshal(raw, &names); err != nil {
		return err
	}
	for _, name := range names {
		partial := uint8(name.Width % layout.TileWidth)
		want := layout.EntriesPath(name.Index, partial)
		if name.Level != nil {
			want = layout.TilePath(*name.Level, name.Index, partial)
		}
		if name.Path != want {
			return fmt.Errorf("%s should be %s", name.Path, want)
		}
	}
	j.tell(struct {
		Paths int `json:"paths"`
	}{len(names)})
	return nil
}

func main() {
	vkey := flag.String("key", "", "verifier key; the ledger's own copy by custom")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "judge [-key VKEY] LEDGER [CHECKPOINT | NAME.tlog-proof | NAME.json]...")
	}
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	j := judge{ledger: flag.Arg(0), newest: map[string]head{}}
	if *vkey == "" {
		own, err := os.ReadFile(filepath.Join(j.ledger, "key.vkey"))
		if err != nil {
			j.object("key.vkey", err)
		}
		*vkey = strings.TrimSuffix(string(own), "\n")
	}
	key, err := note.NewVerifier(*vkey)
	if err != nil {
		j.object("key", err)
		os.Exit(1)
	}
	j.key = key
	if err := j.logs(); err != nil {
		j.object("logs", err)
	}
	if j.failed {
		os.Exit(1)
	}
	checks := map[string]func([]byte) error{".tlog-proof": j.proof, ".json": j.paths, "": j.older}
	for _, path := range flag.Args()[1:] {
		raw, err := os.ReadFile(path)
		if err == nil {
			err = checks[filepath.Ext(path)](raw)
		}
		if err != nil {
			j.object(path, err)
		}
	}
	if j.failed {
		os.Exit(1)
	}
}
