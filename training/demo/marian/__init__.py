"""The demo translator: a small Marian, taught the glossary and how its words bend and go together."""
