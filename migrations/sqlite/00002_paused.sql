-- +goose Up

ALTER TABLE functions ADD COLUMN paused boolean NOT NULL DEFAULT false;
