package deps

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"warehouse/runner/project"
)

// maxArchive bounds an archive as it is sent.
const maxArchive = 128 << 20

// tarball unpacks an archive, .tar or .tar.gz, and returns its digest. The one
// folder that everything is in is left out, as dbt does.
func (in *installer) tarball(d project.Dependency, w *writer) (string, error) {
	from, err := in.openArchive(d.From)
	if err != nil {
		return "", withoutURL(err, d)
	}
	defer from.Close()
	sum := sha256.New()
	limited := &io.LimitedReader{R: from, N: maxArchive + 1}
	all := bufio.NewReader(io.TeeReader(limited, sum))
	if err := unpack(all, w); err != nil {
		if limited.N <= 0 {
			err = fmt.Errorf("the archive is larger than %d MB", maxArchive>>20)
		}
		return "", withoutURL(err, d)
	}
	if _, err := io.Copy(io.Discard, all); err != nil {
		return "", withoutURL(err, d)
	}
	if limited.N <= 0 {
		return "", fmt.Errorf("the archive is larger than %d MB", maxArchive>>20)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// withoutURL takes the URL, which may hold a secret, out of an error.
func withoutURL(err error, d project.Dependency) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	if msg := err.Error(); d.Mask(msg) != msg {
		return errors.New(d.Mask(msg))
	}
	return err
}

func (in *installer) openArchive(from string) (io.ReadCloser, error) {
	u, err := url.Parse(from)
	if err == nil && (u.Scheme == "https" || u.Scheme == "http") {
		return download(in.ctx, u)
	}
	if err == nil && u.Scheme == "file" {
		from = u.Path
	} else if err == nil && len(u.Scheme) > 1 {
		return nil, fmt.Errorf("archives are read by https or from a file, not by %s", u.Scheme)
	}
	from = filepath.FromSlash(from)
	if !filepath.IsAbs(from) {
		from = filepath.Join(in.dir, from)
	}
	f, err := os.Open(from)
	if err != nil {
		return nil, plain(err)
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, errors.New("it is no file")
	}
	return f, nil
}

// download opens a URL. Without https only this machine itself is asked.
func download(ctx context.Context, u *url.URL) (io.ReadCloser, error) {
	allowed := func(u *url.URL) error {
		ip := net.ParseIP(u.Hostname())
		if u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()) {
			return nil
		}
		return errors.New("archives are downloaded by https alone")
	}
	if err := allowed(u); err != nil {
		return nil, err
	}
	client := &http.Client{Timeout: 5 * time.Minute, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if len(via) > 10 {
			return errors.New("too many redirects")
		}
		if via[0].URL.Scheme == "https" && r.URL.Scheme != "https" {
			return errors.New("it redirects away from https")
		}
		return allowed(r.URL)
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	res, err := client.Do(req)
	if err != nil {
		var dns *net.DNSError
		if errors.As(err, &dns) {
			return nil, &gitError{"the host is not found", "there is no way to it from here: check the network, or use the path of a downloaded archive"}
		}
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		res.Body.Close()
		return nil, fmt.Errorf("the server answers %s", res.Status)
	}
	return res.Body, nil
}

// unpack writes the files of an archive.
func unpack(r *bufio.Reader, w *writer) error {
	var src io.Reader = r
	if magic, err := r.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(r)
		if err != nil {
			return err
		}
		defer z.Close()
		src = z
	}
	t := tar.NewReader(io.LimitReader(src, 2*maxBytes))
	top := ""
	for entries := 0; ; entries++ {
		h, err := t.Next()
		switch {
		case errors.Is(err, io.EOF):
			if w.files == 0 {
				return errors.New("the archive holds no files")
			}
			return nil
		case err != nil:
			return fmt.Errorf("it is no archive that can be read: %w", err)
		case entries > 4*maxFiles:
			return fmt.Errorf("it holds more than %d entries", 4*maxFiles)
		}
		name := path.Clean(h.Name)
		switch h.Typeflag {
		case tar.TypeReg:
		case tar.TypeSymlink, tar.TypeLink:
			w.link(name)
			continue
		case tar.TypeDir, tar.TypeXGlobalHeader:
			continue
		default:
			return fmt.Errorf("%q is neither a file nor a folder", h.Name)
		}
		if err := checkPath(strings.TrimPrefix(h.Name, "./")); err != nil {
			return err
		}
		first, rest, ok := strings.Cut(name, "/")
		if top == "" {
			top = first
		}
		if !ok || first != top {
			return errors.New("an archive must hold one folder with the package in it")
		}
		if err := w.file(rest, h.Size, t); err != nil {
			return err
		}
	}
}
