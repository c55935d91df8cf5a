// Package chart draws lines and points over two axes as SVG. What it draws follows the
// reader's light or dark colours, and is the same for the same data.
package chart
