// Package packager makes images and makes them ready to run: source, an uploaded image
// archive or a reference in a registry becomes an OCI image in a [Store], and an image
// of the store becomes folders that a sandbox mounts.
//
// # The model
//
// A [Store] is one machine's images on its own disk, everything named by what it holds:
//
//	<dir>/blobs/sha256/<digest>     manifests, configurations, layers, uploads
//	<dir>/layers/sha256/<diff id>/  layers, unpacked as overlayfs wants them; see [Owners]
//	<dir>/layers/unsynced/<diff id> layers that a crash of the machine would damage
//	<dir>/tmp/<process>/            what is not complete yet
//
// In a cluster a store has an upstream, which all machines share: [Store.Publish] sends
// an image there, and what [Store.Prepare] misses it fetches from there. A [Packager]
// turns a build request into an image of the store; it is the only one who knows
// languages, compilers and registries.
//
// # What it promises
//
//   - A name in the store means complete and verified content. Things are written under
//     tmp, checked against their digest, and renamed. kill -9 leaves nothing but a
//     folder in tmp, which the next [NewStore] removes; other processes may be using
//     the same store meanwhile.
//   - Blobs are on the disk before anybody is told that they are there (fsync). Unpacked
//     layers are not, since they can be made again: see Store.commitLayer.
//   - A layer is unpacked once per diff id, shared by every image and instance, and
//     never changed. It keeps the image's owners, modes with setuid, times, hard links,
//     file capabilities and user attributes; only root can enter the folder above it. A
//     server without root has owners of its own for it ([Owners]), in a folder apart.
//   - Nothing in an archive can touch a file outside of the folder it is unpacked to:
//     the kernel resolves every path beneath that folder (openat2(2)). Sizes, numbers of
//     entries, names, documents and memory are bounded.
//   - The same source makes the same digest.
//   - A fault of the user is slipway.ErrInvalid or ErrTooLarge and says what was
//     expected; a full disk, or a registry that does not answer, is ErrUnavailable.
//
// # Neighbours
//
// The invoker asks for builds and for prepared images; the gateway puts uploads into
// the store, or into the bus's object store, which is the upstream of a cluster
// ([Blobs]). Sandboxes are made by a slipway.Launcher. go-containerregistry comes in
// here and nowhere else.
package packager
