"""What can be said of a text before anyone asks what it is about: language, sentences, figures.

Every room below works on the *cleaned* text of a story (`folding.clean`), and every span it returns
is a pair of offsets into that text, so that what was read can always be shown where it stood.
"""
