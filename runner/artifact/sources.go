package artifact

import "encoding/json"

// SourceFreshness is sources.json: how old each source was found to be. All
// fields are required.
type SourceFreshness struct {
	Metadata    Metadata       `json:"metadata"`
	Results     []SourceResult `json:"results"`
	ElapsedTime float64        `json:"elapsed_time"` // seconds
}

// RuntimeError is the Status of a source whose age could not be found out.
const RuntimeError = "runtime error"

// SourceResult is the age of a source. Of one with the status RuntimeError
// only UniqueID, Status and Error are meaningful, and written.
type SourceResult struct {
	UniqueID           string         `json:"unique_id"`
	MaxLoadedAt        string         `json:"max_loaded_at"` // as Time writes it
	SnapshottedAt      string         `json:"snapshotted_at"`
	MaxLoadedAtTimeAgo float64        `json:"max_loaded_at_time_ago_in_s"`
	Status             string         `json:"status"` // Pass, Warn, Error, RuntimeError
	Criteria           Freshness      `json:"criteria"`
	AdapterResponse    map[string]any `json:"adapter_response"`
	Timing             []Timing       `json:"timing"`
	ThreadID           string         `json:"thread_id"`
	ExecutionTime      float64        `json:"execution_time"` // seconds
	Error              any            `json:"error,omitempty"`
}

// MarshalJSON writes the fields that a result of its status has.
func (r SourceResult) MarshalJSON() ([]byte, error) {
	if r.Status == RuntimeError {
		return json.Marshal(struct {
			UniqueID string `json:"unique_id"`
			Error    any    `json:"error"`
			Status   string `json:"status"`
		}{r.UniqueID, r.Error, r.Status})
	}
	type plain SourceResult
	r.Error = nil
	return json.Marshal(plain(r))
}

// Freshness says how old a source may be; a nil rule says nothing.
type Freshness struct {
	WarnAfter  *FreshnessTime `json:"warn_after"`
	ErrorAfter *FreshnessTime `json:"error_after"`
	Filter     *string        `json:"filter"`
}

// FreshnessTime is a number of minutes, hours or days.
type FreshnessTime struct {
	Count  *int    `json:"count"`
	Period *string `json:"period"` // "minute", "hour", "day"
}

// ReadSourceFreshness reads a sources.json. A file that is another artifact is
// a *KindError.
func ReadSourceFreshness(path string) (*SourceFreshness, error) {
	s := &SourceFreshness{}
	if err := read(path, "sources", s, &s.Metadata); err != nil {
		return nil, err
	}
	return s, nil
}

// WriteSourceFreshness writes a sources.json.
func WriteSourceFreshness(path string, s *SourceFreshness) error { return write(path, s) }
