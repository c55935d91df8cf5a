package packager

import "context"

// Unpack puts the files of an archive (tar, tar.gz, tar.zst or zip) into dst, an empty
// folder, for others to read: see extract for what it refuses. ErrInvalid, ErrTooLarge and
// ErrNotFound are the fault of who sent or named the archive. An archive that is only
// upstream is not kept on this machine.
func (s *Store) Unpack(ctx context.Context, digest, dst string) error {
	f, size, err := s.upload(ctx, digest)
	if err != nil {
		return err
	}
	defer f.Close()
	return extract(ctx, dst, f, size, extractLimits{})
}
