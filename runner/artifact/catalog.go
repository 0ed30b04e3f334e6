package artifact

// Catalog is catalog.json: the columns that relations really have. Maps are by
// unique_id. All fields but Errors are required.
type Catalog struct {
	Metadata Metadata                 `json:"metadata"`
	Nodes    map[string]*CatalogTable `json:"nodes"`
	Sources  map[string]*CatalogTable `json:"sources"`
	Errors   []string                 `json:"errors"` // nil: none
}

// CatalogTable is a table or view of the target.
type CatalogTable struct {
	Metadata TableMetadata             `json:"metadata"`
	Columns  map[string]*CatalogColumn `json:"columns"` // by name
	Stats    map[string]*CatalogStat   `json:"stats"`   // by id
	UniqueID *string                   `json:"unique_id"`
}

// TableMetadata is a relation's name and kind.
type TableMetadata struct {
	Type     string  `json:"type"` // "BASE TABLE", "VIEW"
	Schema   string  `json:"schema"`
	Name     string  `json:"name"`
	Database *string `json:"database"`
	Comment  *string `json:"comment"`
	Owner    *string `json:"owner"`
}

// CatalogColumn is a column of a relation.
type CatalogColumn struct {
	Type    string  `json:"type"`
	Index   int     `json:"index"` // from 1
	Name    string  `json:"name"`
	Comment *string `json:"comment"`
}

// CatalogStat is a number about a relation.
type CatalogStat struct {
	ID          string  `json:"id"`
	Label       string  `json:"label"`
	Value       any     `json:"value"` // bool, text, number or nil
	Include     bool    `json:"include"`
	Description *string `json:"description"`
}

// ReadCatalog reads a catalog.json. A file that is another artifact is a
// *KindError.
func ReadCatalog(path string) (*Catalog, error) {
	c := &Catalog{}
	if err := read(path, "catalog", c, &c.Metadata); err != nil {
		return nil, err
	}
	return c, nil
}

// WriteCatalog writes a catalog.json.
func WriteCatalog(path string, c *Catalog) error { return write(path, c) }
