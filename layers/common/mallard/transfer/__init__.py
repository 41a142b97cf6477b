"""Imports and exports of whole files, in bounded memory."""
