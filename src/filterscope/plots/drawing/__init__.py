"""What the pictures are drawn with: sheet, tiles, colour bars, lettering, pixels."""
