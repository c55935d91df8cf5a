package sdk

import (
	"embed"
	"io/fs"
)

//go:embed python/bootstrap.py python/slipway_runtime/*.py
var python embed.FS

//go:embed node/bootstrap.cjs node/lib/*.cjs
var node embed.FS

// Python and Node are what images for Python and Node code hold in /var/runtime:
// bootstrap.py and bootstrap.cjs, which are run with a handler, and the modules
// beside them.
var (
	Python = below(python, "python")
	Node   = below(node, "node")
)

func below(files embed.FS, dir string) fs.FS {
	sub, err := fs.Sub(files, dir)
	if err != nil {
		panic(err) // the folder is named above, in this file
	}
	return sub
}
