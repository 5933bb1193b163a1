// Judges metrics that come on standard input under the media type that is its argument: by the parser with which Prometheus scrapes, and the
// older text also by the parser and the linter of Prometheus' client library. Prints each sample; ends with 1 and the reason where anything is wrong.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
)

func scrape(exposition []byte, mediaType string) error {
	parser, err := textparse.New(exposition, mediaType, labels.NewSymbolTable(), textparse.ParserOptions{})
	if err != nil {
		return err
	}
	types := map[string]model.MetricType{}
	seen := map[string]bool{}
	for {
		entry, err := parser.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch entry {
		case textparse.EntryType:
			name, kind := parser.Type()
			if _, known := types[string(name)]; known {
				return fmt.Errorf("the type of %s is said twice", name)
			}
			types[string(name)] = kind
		case textparse.EntrySeries:
			_, _, value := parser.Series()
			var found labels.Labels
			parser.Labels(&found)
			if seen[found.String()] {
				return fmt.Errorf("the sample %s stands twice", found)
			}
			seen[found.String()] = true
			fmt.Printf("%s %v\n", found, value)
		}
	}
}

func lint(exposition []byte) error {
	parser := expfmt.NewTextParser(model.LegacyValidation)
	if _, err := parser.TextToMetricFamilies(bytes.NewReader(exposition)); err != nil {
		return err
	}
	problems, err := promlint.New(bytes.NewReader(exposition)).Lint()
	if err != nil {
		return err
	}
	var said []error
	for _, problem := range problems {
		said = append(said, fmt.Errorf("%s: %s", problem.Metric, problem.Text))
	}
	return errors.Join(said...)
}

func main() {
	exposition, err := io.ReadAll(os.Stdin)
	if err == nil {
		err = scrape(exposition, os.Args[1])
	}
	if err == nil && strings.HasPrefix(os.Args[1], "text/plain") {
		err = lint(exposition)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
