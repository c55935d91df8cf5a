package bus

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/slipway-run/slipway"
)

const (
	blobsStream  = "BLOBS"
	blobsSubject = "slipway.blobs."
	partBytes    = 512 << 10 // of a blob in one message; NATS takes 1 MiB
)

// Blobs holds uploads, layers and manifests for a cluster, each under the digest of
// its content ("sha256:" and 64 hexadecimal digits), in the JetStream stream BLOBS,
// replicated as Config.Replicas says.
//
// The content is in messages of 512 KiB below slipway.blobs.<digest>.<put>, and an
// index, which is written last and makes the blob visible, is at
// slipway.blobs.<digest>. Every Put names its parts anew: who reads is not disturbed
// by one who writes. One message at a time is written and read, so that neither this
// process nor JetStream has to hold more of a blob; the client library's object store
// sends up to 4000 ahead, which overruns the server's queue when its disk is slow.
type Blobs struct {
	bus    *Bus
	stream jetstream.Stream
}

// index says where the content of a blob is.
type index struct {
	Size  int64  `json:"size"`
	Put   string `json:"put"` // by which the parts were made
	Parts int    `json:"parts"`
}

func (b *Bus) openBlobs(ctx context.Context) error {
	stream, err := b.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: blobsStream, Description: "uploads, layers and manifests",
		Subjects: []string{blobsSubject + ">"}, Storage: jetstream.FileStorage, Replicas: b.cfg.Replicas,
		AllowDirect: true, // any replica answers, without base64: see get
	})
	b.blobs = &Blobs{b, stream}
	return err
}

// Blobs is the cluster's blobs.
func (b *Bus) Blobs() *Blobs { return b.blobs }

// indexSubject is where the index of a blob is; ErrInvalid for what is no digest.
func indexSubject(digest string) (string, error) {
	const algorithm = "sha256:"
	rest := digest[min(len(digest), len(algorithm)):]
	if raw, err := hex.DecodeString(rest); err != nil || len(raw) != sha256.Size || digest != algorithm+hex.EncodeToString(raw) {
		return "", slipway.Errorf(slipway.ErrInvalid, "%q is no digest; it must be sha256: and 64 hexadecimal digits", digest)
	}
	return blobsSubject + rest, nil
}

func partSubject(index, put string, part int) string {
	return index + "." + put + "." + strconv.Itoa(part)
}

// lag is the pause before another replica is asked.
const lag = 20 * time.Millisecond

// get reads the message of a subject from any replica. One that lags behind may not
// have it yet; what there is, the leader knows.
func (s *Blobs) get(ctx context.Context, subject string) ([]byte, error) {
	for {
		msg, err := s.stream.GetLastMsgForSubject(ctx, subject)
		if err == nil {
			return msg.Data, nil
		}
		if s.bus.cfg.Replicas == 1 || !errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil, err
		}
		info, leaderErr := s.stream.Info(ctx, jetstream.WithSubjectFilter(subject))
		if leaderErr != nil {
			return nil, leaderErr
		}
		if info.State.Subjects[subject] == 0 {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(lag):
		}
	}
}

// Has says whether a blob is there.
func (s *Blobs) Has(ctx context.Context, digest string) (bool, error) {
	_, err := s.index(ctx, digest)
	if errors.Is(err, slipway.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func (s *Blobs) index(ctx context.Context, digest string) (x index, err error) {
	subject, err := indexSubject(digest)
	if err != nil {
		return x, err
	}
	data, err := s.get(ctx, subject)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return x, slipway.Errorf(slipway.ErrNotFound, "there is no blob %s in the cluster", digest)
	case ctx.Err() != nil:
		return x, contextError(ctx)
	case err != nil:
		return x, s.bus.natsError("look for blob "+digest, err)
	}
	if err := json.Unmarshal(data, &x); err != nil {
		return x, slipway.Errorf(slipway.ErrInternal, "read the index of blob %s: %w", digest, err)
	}
	return x, nil
}

// Put stores what r gives, which must be size bytes (-1: not known) with that digest;
// if not, the error is ErrInvalid and nothing is stored. A blob that is there already
// stays, and r is not read.
func (s *Blobs) Put(ctx context.Context, digest string, size int64, r io.Reader) error {
	if has, err := s.Has(ctx, digest); has || err != nil {
		return err
	}
	subject, err := indexSubject(digest)
	if err != nil {
		return err
	}
	x := index{Put: rand.Text()}
	err = s.putParts(ctx, subject, &x, &checkedReader{r: r, check: check{digest: digest, size: size, hash: sha256.New()}})
	if err == nil {
		err = s.putIndex(ctx, digest, subject, &x)
	}
	if err != nil {
		s.dropParts(ctx, subject, x.Put)
	}
	if ctx.Err() != nil {
		return contextError(ctx)
	}
	if err != nil {
		return fmt.Errorf("store blob %s: %w", digest, err)
	}
	return nil
}

// putParts stores the content. An error of r stays as it is.
func (s *Blobs) putParts(ctx context.Context, subject string, x *index, r io.Reader) error {
	part := make([]byte, partBytes)
	for {
		n, readErr := io.ReadFull(r, part)
		if n > 0 {
			if err := s.store(ctx, partSubject(subject, x.Put, x.Parts), part[:n]); err != nil {
				return err
			}
			x.Parts++
			x.Size += int64(n)
		}
		switch {
		case readErr == io.EOF:
			return nil
		case readErr == io.ErrUnexpectedEOF: // the next read says what the end was
		case readErr != nil:
			return readErr
		}
	}
}

// putIndex makes the blob visible, unless another Put has.
func (s *Blobs) putIndex(ctx context.Context, digest, subject string, x *index) error {
	has, err := s.Has(ctx, digest)
	if err != nil {
		return err
	}
	if has {
		s.dropParts(ctx, subject, x.Put)
		return nil
	}
	data, err := json.Marshal(x)
	if err != nil {
		return err
	}
	return s.store(ctx, subject, data)
}

// storePatience is how long JetStream may be too busy, or away, for one message.
const storePatience = time.Minute

// store writes one message. That an attempt whose acknowledgement is lost stores it
// twice does no harm: the last counts.
func (s *Blobs) store(ctx context.Context, subject string, data []byte) error {
	if err := s.bus.room(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	return s.bus.retry(ctx, "store part of a blob", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, storeTimeout)
		defer cancel()
		_, err := s.bus.js.PublishMsg(ctx, &nats.Msg{Subject: subject, Data: data})
		return err
	})
}

// dropParts removes the content that one Put has stored. What it cannot remove takes
// room and does nothing else. It goes on when ctx has ended, which may be the reason.
func (s *Blobs) dropParts(ctx context.Context, subject, put string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	if err := s.stream.Purge(ctx, jetstream.WithPurgeSubject(subject+"."+put+".*")); err != nil {
		s.bus.log.Warn("the parts of a blob that was not stored could not be removed", "subject", subject, "err", err)
	}
}

// Open gives a blob and its size. Its content is checked: the last Read gives an error
// instead of io.EOF when it is not what the digest says. The end of ctx ends the reading.
func (s *Blobs) Open(ctx context.Context, digest string) (io.ReadCloser, int64, error) {
	x, err := s.index(ctx, digest)
	if err != nil {
		return nil, 0, err
	}
	subject, err := indexSubject(digest)
	if err != nil {
		return nil, 0, err
	}
	parts := &partsReader{ctx: ctx, blobs: s, subject: subject, index: x}
	return io.NopCloser(&checkedReader{r: parts, check: check{digest: digest, size: x.Size, hash: sha256.New()}}), x.Size, nil
}

// Delete removes a blob; one that is not there is no error.
func (s *Blobs) Delete(ctx context.Context, digest string) error {
	subject, err := indexSubject(digest)
	if err != nil {
		return err
	}
	for _, what := range []string{subject, subject + ".>"} { // first what makes it visible
		if err := s.stream.Purge(ctx, jetstream.WithPurgeSubject(what)); err != nil {
			return s.bus.natsError("delete blob "+digest, err)
		}
	}
	return nil
}
