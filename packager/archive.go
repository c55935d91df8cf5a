package packager

import (
	"context"
	"io"
	"os"
	"slices"
	"strings"

	slipway "github.com/slipway-run/slipway"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// archiveLimits bounds an image archive that has to be decompressed to be read.
func (s *Store) archiveLimits() int64 { return 4 * s.limits.Bytes }

// openArchive finds the image in an archive: an OCI layout (image-layout.md of the OCI
// image specification) as tar, or what docker save writes. Layers stay where they
// are in the file, which must stay open as long as the image is used.
func (s *Store) openArchive(ctx context.Context, f *os.File, size int64) (_ v1.Image, closer func(), err error) {
	closer = func() {}
	head := make([]byte, 4)
	n, err := f.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return nil, closer, err
	}
	if kind := sniff(head[:n]); kind == formatGzip || kind == formatZstd {
		plain, err := s.decompressed(ctx, io.NewSectionReader(f, 0, size))
		if err != nil {
			return nil, closer, err
		}
		closer = func() { _ = plain.Close() }
		info, err := plain.Stat()
		if err != nil {
			return nil, closer, err
		}
		f, size = plain, info.Size()
	}
	img, err := imageInArchive(ctx, f, size)
	return img, closer, err
}

func imageInArchive(ctx context.Context, r io.ReaderAt, size int64) (v1.Image, error) {
	files, err := indexTar(ctx, r, size)
	if err != nil {
		return nil, err
	}
	switch {
	// Archives of newer tools are both; the layout has the image's true digest.
	case files.has("index.json"):
		return imageInLayout(files)
	case files.has("manifest.json"):
		return imageInDockerArchive(ctx, files)
	default:
		return nil, slipway.Errorf(slipway.ErrInvalid, "it is not an image archive: neither index.json (an OCI layout) nor manifest.json (docker save) is in it, but %s. Make one with docker save, podman save or skopeo copy; docker export leaves out what is needed", files.some())
	}
}

// decompressed is a file without a name that holds what r unpacks to.
func (s *Store) decompressed(ctx context.Context, r io.Reader) (*os.File, error) {
	plain, err := decompress(contextReader{ctx, r})
	if err != nil {
		return nil, archiveError(err)
	}
	defer plain.Close()
	f, err := s.scratch.file()
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		_ = f.Close()
		return nil, err
	}
	limit := s.archiveLimits()
	if _, err := io.Copy(f, &boundedReader{plain, limit, limit}); err != nil {
		_ = f.Close()
		return nil, archiveError(err)
	}
	return f, nil
}

// errSeveral names the images of an archive that holds more than one.
func errSeveral(names []string) error {
	slices.Sort(names)
	return slipway.Errorf(slipway.ErrInvalid, "the archive holds %d images (%s), and one is expected: save the one alone", len(names), strings.Join(names, ", "))
}
