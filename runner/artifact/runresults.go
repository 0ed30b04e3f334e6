package artifact

// RunResults is run_results.json: what became of each node of a build, a test
// or another command. Metadata and Results are required.
type RunResults struct {
	Metadata    Metadata       `json:"metadata"`
	Results     []RunResult    `json:"results"`      // in the order in which they ended
	ElapsedTime float64        `json:"elapsed_time"` // seconds
	Args        map[string]any `json:"args"`         // "which" is the command
}

// Status of a RunResult. Success, NoOp and Reused are of models, Pass, Warn and
// Fail of data tests. Reused is dbt's since 1.12: the model was not built
// again, for what was built before still holds.
const (
	Success        = "success"
	Error          = "error"
	Skipped        = "skipped"
	PartialSuccess = "partial success"
	NoOp           = "no-op"
	Reused         = "reused"
	Pass           = "pass"
	Warn           = "warn"
	Fail           = "fail"
)

// RunResult is what became of a node. All fields but BatchResults are required.
type RunResult struct {
	Status          string         `json:"status"`
	Timing          []Timing       `json:"timing"` // "compile" and "execute"
	ThreadID        string         `json:"thread_id"`
	ExecutionTime   float64        `json:"execution_time"`   // seconds
	AdapterResponse map[string]any `json:"adapter_response"` // "rows_affected" where it is known
	Message         *string        `json:"message"`
	Failures        *int64         `json:"failures"` // of data tests
	UniqueID        string         `json:"unique_id"`
	Compiled        *bool          `json:"compiled"`
	CompiledCode    *string        `json:"compiled_code"`
	RelationName    *string        `json:"relation_name"`
	BatchResults    *BatchResults  `json:"batch_results,omitempty"`
}

// Timing is one part of the work on a node.
type Timing struct {
	Name        string  `json:"name"`
	StartedAt   *string `json:"started_at"` // as Time writes it
	CompletedAt *string `json:"completed_at"`
}

// BatchResults are the batches of a microbatch model: pairs of a start and an
// end.
type BatchResults struct {
	Successful [][]string `json:"successful"`
	Failed     [][]string `json:"failed"`
}

// ReadRunResults reads a run_results.json. A file that is another artifact is
// a *KindError.
func ReadRunResults(path string) (*RunResults, error) {
	r := &RunResults{}
	if err := read(path, "run-results", r, &r.Metadata); err != nil {
		return nil, err
	}
	return r, nil
}

// WriteRunResults writes a run_results.json.
func WriteRunResults(path string, r *RunResults) error { return write(path, r) }
