//! Tiny corpora and recipes for tests
