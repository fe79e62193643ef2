"""The workers' old code: what a team writes with the usual libraries. It knows nothing of the sidecar."""
import os
import pathlib

import ftfy
import tiktoken
from langchain_text_splitters import RecursiveCharacterTextSplitter
from tiktoken.load import load_tiktoken_bpe
from tiktoken_ext import openai_public

MAX_TOKENS = 512


def _encoding(name="o200k_base"):
    """tiktoken's encoding; its ranks from the folder VOCABULARY where they are there, so that nothing is downloaded."""
    file = pathlib.Path(os.environ.get("VOCABULARY", "")) / f"{name}.tiktoken"
    if not file.is_file():
        return tiktoken.get_encoding(name)
    published = openai_public.load_tiktoken_bpe
    openai_public.load_tiktoken_bpe = lambda *_args, **_options: load_tiktoken_bpe(str(file))
    try:
        return tiktoken.Encoding(**openai_public.ENCODING_CONSTRUCTORS[name]())
    finally:
        openai_public.load_tiktoken_bpe = published


_tokens = _encoding()


def count(text):
    return len(_tokens.encode(text, disallowed_special=()))


_splitter = RecursiveCharacterTextSplitter(chunk_size=MAX_TOKENS, chunk_overlap=0, length_function=count)


def split(text):
    """[(text of a chunk, its tokens), ...]"""
    return [(chunk, count(chunk)) for chunk in _splitter.split_text(ftfy.fix_text(text))]
