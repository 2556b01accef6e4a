// Package report prints results with their time series: one self-contained
// HTML page with charts, and CSV for spreadsheets and notebooks.
//
// The page is text and vector graphics, drawn here: it shows everything with
// scripts switched off, prints sharply, and its few kilobytes of script only
// add a cursor, zooming and sorting. It loads nothing and may load nothing: its
// content security policy allows its own script and style by their hashes.
package report
