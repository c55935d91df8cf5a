package batch

import (
	"fmt"
	"strings"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/batch/life"
	"github.com/slipway-run/slipway/batch/schedule"
)

// explain says why a job or a child waits, or that it does not.
func (s *scheduler) explain(j *life.Job, child int, now time.Time) slipway.Explanation {
	id := j.ID
	if child >= 0 {
		id = slipway.ChildID(j.ID, child)
	}
	x := slipway.Explanation{Job: id, Status: j.Status, Blocks: []slipway.Block{}}
	if open, waitsFor := j.Open(); !open {
		x.Status, x.Blocks = slipway.JobPending, s.dependencyBlocks(j.Tenant, waitsFor)
		x.Reason = sentence(x.Blocks)
		return x
	}
	where := max(child, 0)
	if child < 0 && j.Array {
		where = -1
	}
	at := j.Where(where, now)
	x.Status = at.Status
	switch {
	case at.Slice != nil:
		x.Reason = s.underWay(at, where, now)
	case at.Status == slipway.JobPending:
		x.Blocks = []slipway.Block{{Kind: "dependency", Job: at.Waits, Text: at.Text}}
		x.Reason = sentence(x.Blocks)
	case at.Text != "":
		x.Blocks = []slipway.Block{{Kind: "backoff", Text: at.Text}}
		x.Reason = sentence(x.Blocks)
	default:
		s.explainTurn(j, &x, at, now)
	}
	return x
}

// dependencyBlocks are the jobs that are waited for.
func (s *scheduler) dependencyBlocks(tenant string, ids []string) []slipway.Block {
	blocks := []slipway.Block{}
	for _, id := range ids {
		text := "waits for job " + id
		parent, _, err := slipway.SplitJobID(id)
		if other := s.book.Find(parent); err == nil && other != nil {
			text += ", which is " + string(other.Status)
			if other.Array {
				text += fmt.Sprintf(" with %d of %d children ended", other.Succeeded+other.Failed, other.Size)
			}
		}
		blocks = append(blocks, slipway.Block{Kind: "dependency", Job: id, Text: text})
	}
	return blocks
}

// underWay says what an invoker does with an attempt.
func (s *scheduler) underWay(at life.Place, child int, now time.Time) string {
	slice := at.Slice
	live := slice.Live[max(child, slice.From)]
	switch {
	case live.Stop != "":
		return "is being ended: " + live.Stop
	case live.Frozen:
		return fmt.Sprintf("attempt %d stands still on invoker %s for %s: functions need the machine", slice.Attempt, slice.Invoker, now.Sub(live.FrozenAt).Round(time.Second))
	case !live.StartedAt.IsZero():
		return fmt.Sprintf("attempt %d runs on invoker %s for %s", slice.Attempt, slice.Invoker, now.Sub(live.StartedAt).Round(time.Second))
	}
	return fmt.Sprintf("attempt %d was given to invoker %s %s ago", slice.Attempt, slice.Invoker, now.Sub(slice.GivenAt).Round(time.Second))
}

// explainTurn says why a job that could run does not.
func (s *scheduler) explainTurn(j *life.Job, x *slipway.Explanation, at life.Place, now time.Time) {
	blocks, ahead, rooms := s.board.Explain(j.Num, now)
	x.Ahead, x.Invokers = ahead+at.Before, rooms
	if at.Before > 0 {
		blocks = append(blocks, slipway.Block{Kind: "array", Have: float64(at.Before),
			Text: fmt.Sprintf("%d children of its own array go before it", at.Before)})
	}
	if len(rooms) == 0 && !s.current {
		blocks = append(blocks, slipway.Block{Kind: "paused", Text: "the scheduler has just started and waits for the invokers"})
	}
	for i, b := range blocks {
		if b.Kind == "memory" || b.Kind == "cpu" {
			blocks[i].Job, blocks[i].Text = s.roomWhen(b, rooms, now)
		}
	}
	x.Blocks = append(x.Blocks, blocks...)
	if x.Reason = sentence(x.Blocks); x.Reason == "" {
		x.Reason = "is next"
	}
}

// roomWhen says of which running job the end makes room: the one that has most of what is
// missing, on the roomiest invoker.
func (s *scheduler) roomWhen(b slipway.Block, rooms []slipway.Room, now time.Time) (job, text string) {
	var best *life.Slice
	for _, slice := range s.book.Slices() {
		if !strings.Contains(b.Text, slice.Invoker) {
			continue
		}
		if best == nil || has(b.Kind, slice) > has(b.Kind, best) || has(b.Kind, slice) == has(b.Kind, best) && slice.GivenAt.Before(best.GivenAt) {
			best = slice
		}
	}
	if best == nil {
		return "", b.Text + "; functions have the rest"
	}
	id := best.Owner.ID
	if have := has(b.Kind, best); b.Have+have < b.Need {
		return id, fmt.Sprintf("%s; job %s has %g of it, for %s", b.Text, id, have, now.Sub(best.GivenAt).Round(time.Second))
	}
	return id, fmt.Sprintf("%s; room when job %s ends, which has had %g for %s", b.Text, id, has(b.Kind, best), now.Sub(best.GivenAt).Round(time.Second))
}

// has is what all attempts of a slice have.
func has(kind string, s *life.Slice) float64 {
	need := schedule.NeedOf(s.Owner.CPU, s.Memory())
	if kind == "memory" {
		return float64(need.MemoryMB) * float64(s.Left())
	}
	return float64(need.CPU) / 1000 * float64(s.Left())
}

// sentence makes one of all blocks.
func sentence(blocks []slipway.Block) string {
	texts := make([]string, len(blocks))
	for i, b := range blocks {
		texts[i] = b.Text
	}
	return strings.Join(texts, "; ")
}

// limitHeads cancels the first job of a queue when it has been that for longer than the
// queue's state limits allow.
func (s *scheduler) limitHeads(now time.Time) {
	for key, q := range s.queues {
		if len(q.StateLimits) == 0 {
			continue
		}
		first, ok := s.board.Head(q.Tenant, q.Name)
		if !ok {
			delete(s.heads, key)
			continue
		}
		h := s.heads[key]
		if h.num != first.Num {
			h = head{first.Num, now}
			s.heads[key] = h
		}
		s.limitHead(q.Queue, h, now)
	}
}

func (s *scheduler) limitHead(q slipway.Queue, h head, now time.Time) {
	j := s.book.Job(h.num)
	if j == nil {
		return
	}
	blocks, _, _ := s.board.Explain(h.num, now)
	for _, limit := range q.StateLimits {
		if now.Sub(h.since) < limit.After.D() {
			continue
		}
		for _, b := range blocks {
			if limit.Reason == "" || limit.Reason == b.Kind {
				reason := fmt.Sprintf("it was first in queue %s for %s and could not run: %s", q.Name, limit.After, b.Text)
				if err := s.book.Cancel(j, -1, reason, now); err == nil {
					s.engine.log.Info("a job that was stuck is cancelled", "job", j.ID, "reason", reason)
				}
				return
			}
		}
	}
}
